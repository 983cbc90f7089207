import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Requests } from './worker.ts'

type Reply = { result: unknown } | { error: string }

/** A worker process and the connection to it. */
export class WorkerProcess {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Starts a process for the contender in `modulePath`. */
  static async start(modulePath: string): Promise<WorkerProcess> {
    const script = fileURLToPath(new URL('worker.ts', import.meta.url))
    const child = fork(script, [modulePath], { stdio: ['ignore', 2, 2, 'ipc'] })
    const worker = new WorkerProcess(child)
    await worker.#reply()
    return worker
  }

  async ask<Name extends keyof Requests>(
    name: Name,
    ...args: Requests[Name]['args']
  ): Promise<Requests[Name]['result']> {
    this.#child.send({ name, args })
    return this.#reply()
  }

  /** Ends it: in order if it can, in any case within two seconds. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2_000)
    await this.ask('stop').catch(() => undefined)
    if (this.#child.connected) this.#child.disconnect()
    await gone
    clearTimeout(timer)
  }

  async #reply<T>(): Promise<T> {
    const listening = new AbortController()
    const { signal } = listening
    const exit = once(this.#child, 'exit', { signal }).then(([code, kill]: unknown[]) => {
      throw new Error(`Cannot go on: a worker ended with ${String(code ?? kill)}`)
    })
    exit.catch(() => undefined)
    const [reply] = (await Promise.race([once(this.#child, 'message', { signal }), exit])) as [Reply]
    listening.abort()
    if ('error' in reply) throw new Error(reply.error)
    return reply.result as T
  }
}
