/** A process for each member that calls: started at its first call, ended when it has been idle, and not too many of them. */
import { untilAborted } from '@agent-mesh/agent/core/until-aborted'
import type { Subject } from '@agent-mesh/protocol'
import { MeshError } from '@agent-mesh/protocol/errors'
import { startTimer, type Timer } from '@agent-mesh/protocol/timers'

import { toolServerDefaults } from './defaults.ts'

/** What has to be ended. */
interface Held {
  readonly ended: AbortSignal
  close(): Promise<void>
}

interface CallerProcessesInit<P> {
  /** Of the MCP server, for errors. */
  readonly name: string
  readonly open: (caller: Subject) => Promise<P>
  /** @default toolServerDefaults.mostCallers */
  readonly most?: number
  /** ms. @default toolServerDefaults.idleMs */
  readonly idleMs?: number
}

interface Entry<P> {
  readonly process: Promise<P>
  /** In flight. */
  calls: number
  idle: Timer | undefined
}

export class CallerProcesses<P extends Held> {
  readonly #init: Required<CallerProcessesInit<P>>
  /** By peer id, the one that was used last at the end. */
  readonly #entries = new Map<string, Entry<P>>()
  readonly #closing = new Set<Promise<void>>()

  constructor(init: CallerProcessesInit<P>) {
    const { mostCallers: most, idleMs } = toolServerDefaults
    this.#init = { most, idleMs, ...init }
  }

  /** @throws MeshError overloaded while each process has calls in flight; what `open` or `run` throws */
  async use<T>(caller: Subject, run: (process: P) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { sub } = caller
    const entry = this.#entries.get(sub) ?? this.#start(caller)
    this.#entries.delete(sub)
    this.#entries.set(sub, entry)
    entry.calls++
    entry.idle?.cancel()
    try {
      return await run(await untilAborted(entry.process, signal))
    } finally {
      entry.calls--
      if (entry.calls === 0 && this.#entries.get(sub) === entry)
        entry.idle = startTimer(this.#init.idleMs, () => this.#end(sub, entry), { ref: false })
    }
  }

  /** Ends all. */
  async stop(): Promise<void> {
    for (const [sub, entry] of this.#entries) this.#end(sub, entry)
    await Promise.all(this.#closing)
  }

  #start(caller: Subject): Entry<P> {
    const { name, most } = this.#init
    if (this.#entries.size >= most) this.#endIdlest()
    if (this.#entries.size >= most)
      throw new MeshError(
        'overloaded',
        `Cannot call ${name}: ${most} other members have calls of it in flight`,
      )
    const process = this.#opened(caller)
    const entry: Entry<P> = { process, calls: 0, idle: undefined }
    const forget = () => {
      entry.idle?.cancel()
      if (this.#entries.get(caller.sub) === entry) this.#entries.delete(caller.sub)
    }
    process.then(({ ended }) => {
      if (ended.aborted) forget()
      else ended.addEventListener('abort', forget, { once: true })
    }, forget)
    return entry
  }

  /** After those that end, so that there are never more. */
  async #opened(caller: Subject): Promise<P> {
    await Promise.all(this.#closing)
    return this.#init.open(caller)
  }

  #endIdlest(): void {
    const idle = [...this.#entries].find(([, { calls }]) => calls === 0)
    if (idle !== undefined) this.#end(...idle)
  }

  #end(sub: string, entry: Entry<P>): void {
    entry.idle?.cancel()
    this.#entries.delete(sub)
    const closing = entry.process
      .then(process => process.close())
      .catch(() => undefined)
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}
