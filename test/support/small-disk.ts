/** A daemon whose data folder lies on a disk of its own, of a few MiB, that a test fills: a tmpfs in a mount namespace. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { commandFile } from './command.ts'

/** Why it cannot run here; undefined when it can. In CI it fails instead of being skipped. */
export function namespacesMissing(): string | undefined {
  try {
    execFileSync('unshare', ['-rm', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'])
    return undefined
  } catch (error) {
    const reason = `no mount namespace can be made: ${String(error).slice(0, 200)}`
    if (process.env['CI'] === 'true') throw new Error(reason, { cause: error })
    console.warn(`skipped: ${reason}`)
    return reason
  }
}

export class SmallDisk {
  readonly #keeper: ChildProcess
  readonly #folder: string
  readonly #children: ChildProcess[] = []

  private constructor(keeper: ChildProcess, folder: string) {
    this.#keeper = keeper
    this.#folder = folder
  }

  /** @param folder where it is mounted, for those inside */
  static async mount(folder: string, mebibytes: number): Promise<SmallDisk> {
    await mkdir(folder, { recursive: true })
    const script = 'mount -t tmpfs -o size="$1"m,mode=700 tmpfs "$2" && echo mounted && exec cat'
    const keeper = spawn(
      'unshare',
      ['-rm', '--propagation', 'private', 'sh', '-c', script, 'sh', `${mebibytes}`, folder],
      // It lives until it is ended, or its parent is.
      { stdio: ['pipe', 'pipe', 'inherit'] },
    )
    await once(createInterface({ input: keeper.stdout }), 'line')
    return new SmallDisk(keeper, folder)
  }

  /** A file of the disk, as others see it. */
  path(...names: string[]): string {
    return join(`/proc/${this.#keeper.pid}/root`, this.#folder, ...names)
  }

  /** Starts `agent-mesh` with its data on the disk. @returns what it said first: that it is ready, or its error; and its log */
  async start(
    ...args: string[]
  ): Promise<{ said: Record<string, unknown>; log: Readable; end: () => Promise<void> }> {
    const within = ['-t', String(this.#keeper.pid), '--user', '--preserve-credentials', '-m', '--']
    const command = [process.execPath, commandFile, ...args, '--data', this.#folder, '--json']
    const child = spawn('nsenter', [...within, ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.push(child)
    const said = await Promise.any([child.stdout, child.stderr].map(outcome))
    return { said, log: child.stderr, end: () => ended(child) }
  }

  /** Takes all room that is left. */
  async fill(): Promise<void> {
    for (const bytes of [64 * 1024, 4096])
      try {
        for (;;) await appendFile(this.path('filler'), Buffer.alloc(bytes))
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      }
  }

  async free(): Promise<void> {
    await rm(this.path('filler'))
  }

  async unmount(): Promise<void> {
    await Promise.all([...this.#children, this.#keeper].map(ended))
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

/** The first line that is no line of the log. @throws Error when there is none */
async function outcome(input: Readable): Promise<Record<string, unknown>> {
  for await (const line of createInterface({ input })) {
    const said = JSON.parse(line) as Record<string, unknown>
    if (!('level' in said)) {
      // What follows is not read; it must not block the writer.
      input.resume()
      return said
    }
  }
  throw new Error('it said neither that it is ready nor an error')
}
