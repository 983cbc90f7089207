/** A process of the lab in a namespace: its log is a file, it ends with the lab, and how it ended is known. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { inside } from './shell.ts'

export interface LabProcessInit {
  namespace: string
  /** Program and arguments; its first line on stdout is `{"event":"ready",…}`, or `listening`. */
  command: readonly string[]
  env?: NodeJS.ProcessEnv
  /** Gets what it says. */
  logFile: string
}

/** It may take this long, ms: many start at once on few cores. */
const readyMs = 180_000
/** ms from SIGTERM until it is killed: the command gives up by itself after 15 s. */
const stopMs = 20_000

export class LabProcess {
  readonly ready: Promise<Record<string, unknown>>
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #logFile: string
  #told = false
  /** The end of its stderr. */
  #complaints = ''

  constructor({ namespace, command, env = {}, logFile }: LabProcessInit) {
    const [program = '', ...args] = inside(namespace, command)
    // The channel carries nothing: its end tells the process that the lab is gone.
    this.#child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    })
    this.#logFile = logFile
    const log = createWriteStream(logFile, { flags: 'a' })
    this.#child.stderr?.pipe(log, { end: false })
    this.#child.stdout?.pipe(log, { end: false })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#complaints = (this.#complaints + chunk.toString()).slice(-1_000)
    })
    this.#exited = once(this.#child, 'exit').catch((error: unknown) => log.write(String(error)))
    void this.#exited.then(() => setTimeout(() => log.end(), 500).unref())
    this.ready = this.#readyLine()
    this.ready.catch(() => undefined)
  }

  /** Of the program itself: `ip netns exec` becomes it. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Whether it ended without a request to end. */
  get died(): boolean {
    return !this.running && !this.#told
  }

  /** Sends a signal and nothing more: SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Tells it to end and resolves with how it did: `exit 0` is clean. Idempotent. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<string> {
    if (this.running) {
      this.#told = true
      this.#child.kill(signal)
      const insist = setTimeout(() => this.#child.kill('SIGKILL'), stopMs)
      await this.#exited
      clearTimeout(insist)
    }
    if (this.#child.connected) this.#child.disconnect()
    const { exitCode, signalCode } = this.#child
    return signalCode ?? `exit ${String(exitCode)}`
  }

  async #readyLine(): Promise<Record<string, unknown>> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    if (this.#child.stdout !== null) createInterface({ input: this.#child.stdout }).once('line', resolve)
    void this.#exited.then(() => resolve(undefined))
    const timer = setTimeout(() => resolve(undefined), readyMs)
    const line = await promise
    clearTimeout(timer)
    const told = parsed(line)
    if (told?.['event'] === 'ready' || told?.['event'] === 'listening') return told
    const reason = (told?.['error'] as { message?: string } | undefined)?.message ?? line
    const how = this.running ? `not ready after ${readyMs / 1000} s` : `it ended: ${this.#complaints}`
    throw new Error(`Cannot start, see ${this.#logFile}: ${reason ?? how}`)
  }
}

function parsed(line: string | undefined): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line ?? '') as Record<string, unknown>
  } catch {
    return undefined
  }
}
