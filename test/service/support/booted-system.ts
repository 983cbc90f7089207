/**
 * A system of its own that systemd boots in a container: the files of this machine, with what it changes in memory. It shares the
 * network, so a control plane outside is reached.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { vi } from 'vitest'

const run = promisify(execFile)

export interface Ended {
  code: number
  stdout: string
  stderr: string
}

export class BootedSystem {
  readonly #folder: string
  readonly #container: ChildProcess
  #leader = 0

  private constructor(folder: string, container: ChildProcess) {
    this.#folder = folder
    this.#container = container
  }

  /** @param shown folders of this machine, and where they are there, read-only */
  static async boot(shown: Record<string, string>): Promise<BootedSystem> {
    const folder = await mkdtemp(join(tmpdir(), 'booted-'))
    const [memory, root] = [join(folder, 'memory'), join(folder, 'root')]
    await mkdir(memory)
    await mkdir(root)
    await run('mount', ['-t', 'tmpfs', 'tmpfs', memory])
    await mkdir(join(memory, 'upper'))
    await mkdir(join(memory, 'work'))
    const layers = `lowerdir=/,upperdir=${join(memory, 'upper')},workdir=${join(memory, 'work')}`
    await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, root])
    const binds = Object.entries(shown).map(([from, to]) => `--bind-ro=${from}:${to}`)
    const container = spawn(
      'systemd-nspawn',
      [
        '--quiet',
        '--boot',
        '--register=no',
        '--keep-unit',
        '--console=pipe',
        `--machine=booted-${process.pid}`,
        `--directory=${root}`,
        ...binds,
      ],
      { stdio: 'ignore', env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' } },
    )
    const system = new BootedSystem(folder, container)
    try {
      await system.#untilBooted()
    } catch (error) {
      await system.end()
      throw error
    }
    return system
  }

  async #untilBooted(): Promise<void> {
    const children = `/proc/${this.#container.pid}/task/${this.#container.pid}/children`
    await vi.waitFor(
      async () => {
        this.#leader = Number((await readFile(children, 'utf8')).trim().split(' ')[0])
        const { stdout } = await this.run('systemctl', ['is-system-running'])
        if (!/^(?:running|degraded)$/m.test(stdout)) throw new Error(`the system is ${stdout.trim()}`)
      },
      { timeout: 120_000, interval: 250 },
    )
  }

  /** Runs a program in it, as its root. */
  run(program: string, args: readonly string[]): Promise<Ended> {
    return new Promise(resolve => {
      const child = execFile(
        'nsenter',
        ['--all', `--target=${this.#leader}`, program, ...args],
        { timeout: 120_000 },
        (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      )
    })
  }

  /** Runs a program in it, as a user with a session. */
  runAs(user: { name: string; uid: number }, program: string, args: readonly string[]): Promise<Ended> {
    const env = [`XDG_RUNTIME_DIR=/run/user/${user.uid}`, `HOME=/home/${user.name}`]
    return this.run('runuser', ['-u', user.name, '--', 'env', ...env, program, ...args])
  }

  /** Stops it and removes all that it changed. */
  async end(): Promise<void> {
    if (this.#container.exitCode === null && this.#container.signalCode === null) {
      const ended = once(this.#container, 'exit')
      // It stops its services first; nspawn passes this on to systemd as a request to power off.
      this.#container.kill('SIGTERM')
      const late = setTimeout(() => this.#container.kill('SIGKILL'), 30_000)
      await ended
      clearTimeout(late)
    }
    for (const name of ['root', 'memory'])
      await run('umount', ['--lazy', join(this.#folder, name)]).catch(() => undefined)
    await rm(this.#folder, { recursive: true, force: true })
  }
}
