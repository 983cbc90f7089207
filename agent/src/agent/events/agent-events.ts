/** What a program can listen to: `agent.on(name, listener)`. */
import { MeshError } from '@agent-mesh/protocol'
import { checkAbortable } from '../../core/check-abortable.ts'
import { namesOf } from '../../core/option-names.ts'
import type { Logger } from '../../observe/logger.ts'
import type { BreakerChange } from '../../services/index.ts'
import { promiseOf } from '../../rpc/index.ts'
import type { PathEvent, ReadyEvent } from './link-changes.ts'
import type { MemberEvent, ServiceEvent } from './online-changes.ts'

/** Events by name. */
export interface AgentEvents {
  readonly member: MemberEvent
  readonly service: ServiceEvent
  readonly path: PathEvent
  readonly breaker: BreakerChange
  readonly ready: ReadyEvent
}

export type AgentEventName = keyof AgentEvents

export interface ListenOptions {
  /** Stops listening when it aborts. */
  readonly signal?: AbortSignal | undefined
}

const listenNames = namesOf<ListenOptions>({ signal: true })

/** How to watch for each kind of event; each takes a function to call with events and returns how to stop. */
export type EventWatches = {
  readonly [Name in AgentEventName]: (emit: (event: AgentEvents[Name]) => void) => () => void
}

export interface EventListenersInit {
  readonly watches: EventWatches
  /** Gets what listeners throw. */
  readonly log: Pick<Logger, 'error'>
}

/** Watches for events while there is a listener: an agent without listeners pays nothing. */
export class EventListeners {
  readonly #watches: EventWatches
  readonly #log: EventListenersInit['log']
  readonly #running = new Set<() => void>()

  constructor({ watches, log }: EventListenersInit) {
    this.#watches = watches
    this.#log = log
  }

  /** @returns how to stop listening @throws MeshError `invalid_argument` for a name or options that are none, and for what is no function */
  on<Name extends AgentEventName>(
    name: Name,
    listener: (event: AgentEvents[Name]) => void,
    options: ListenOptions = {},
  ): () => void {
    this.#check(name, listener)
    checkAbortable(options, listenNames, 'listen to', name)
    const { signal } = options
    if (signal?.aborted === true) return () => undefined
    const off = (): void => {
      if (!this.#running.delete(off)) return
      signal?.removeEventListener('abort', off)
      stop()
    }
    const stop = this.#watches[name](event => {
      if (this.#running.has(off)) this.#call(name, listener, event)
    })
    this.#running.add(off)
    signal?.addEventListener('abort', off, { once: true })
    return off
  }

  /** Nothing is listened to any more. Idempotent. */
  stop(): void {
    for (const off of [...this.#running]) off()
  }

  #check(name: string, listener: unknown): void {
    if (!Object.hasOwn(this.#watches, name))
      throw new MeshError('invalid_argument', `Cannot listen to '${name}': there is no such event`, {
        hint: `Events are ${Object.keys(this.#watches).join(', ')}.`,
      })
    if (typeof listener !== 'function')
      throw new MeshError('invalid_argument', `Cannot listen to '${name}': its listener is no function`)
  }

  /** A listener may be asynchronous; what it throws harms nothing but itself. */
  #call<Event>(name: string, listener: (event: Event) => unknown, event: Event): void {
    const failed = (err: unknown) =>
      this.#log.error(
        { event: 'program-listener-failed', err, listener: name },
        'a listener of the program failed',
      )
    try {
      promiseOf(listener(event))?.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
