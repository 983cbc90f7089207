/**
 * One deployment of an environment at a time. The file has the process that deploys, then the commands that it runs: those may outlive
 * a deployment that was killed, and the next one waits for them.
 */
import { MeshError } from '@agent-mesh/protocol/errors'
import { writeFileSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** A command that was left ends by itself within this, ms. */
const leftCommandMs = 180_000
const lookMs = 250

export class Lock {
  readonly #file: string
  readonly #commands = new Set<number>()

  private constructor(file: string) {
    this.#file = file
  }

  /** @throws MeshError conflict while another process holds it, or one of its commands does not end */
  static async take(file: string, signal: AbortSignal): Promise<Lock> {
    await mkdir(dirname(file), { recursive: true })
    const create = () => writeFile(file, `${process.pid}\n`, { flag: 'wx', mode: 0o600 })
    await create().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
      const [holder = 0, ...left] = (await readFile(file, 'utf8').catch(() => '')).split('\n').map(Number)
      if (runs(holder)) throw held(holder, file)
      const late = performance.now() + leftCommandMs
      for (let pid = left.find(runs); pid !== undefined; pid = left.find(runs)) {
        if (performance.now() > late) throw held(pid, file)
        await wait(lookMs, undefined, { signal })
      }
      await rm(file, { force: true })
      await create()
    })
    return new Lock(file)
  }

  /** Names a command in the file while it runs. */
  readonly began = (pid: number): (() => void) => {
    this.#commands.add(pid)
    this.#write()
    return () => {
      this.#commands.delete(pid)
      this.#write()
    }
  }

  async release(): Promise<void> {
    await rm(this.#file, { force: true })
  }

  /** At once: the process may be killed next. */
  #write(): void {
    writeFileSync(this.#file, [process.pid, ...this.#commands, ''].join('\n'), { mode: 0o600 })
  }
}

const held = (pid: number, file: string): MeshError =>
  new MeshError('conflict', `Cannot deploy: process ${pid} deploys this environment`, {
    hint: `Wait until it has ended. If ${pid} is no deployment, remove ${file}.`,
  })

function runs(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
