/** What a program began over its WebSocket and has not ended yet, by the `id` that it chose. */
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import { checkScope, noteDenial, noteTopicDenial, type GatewayAgent, type GatewayCaller } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import type { ScopeAction } from '../scope.ts'
import type { HeldBytes, MessageWindow } from './message-window.ts'

export interface SocketParts {
  readonly agent: GatewayAgent
  readonly caller: GatewayCaller
  /** Resolves when the program may be sent the next one. */
  readonly send: (message: object) => Promise<void>
  readonly bytes: HeldBytes
  /** Counts one more request of its token. @returns says that it has ended @throws MeshError rate_limited */
  readonly running: () => () => void
}

export interface Task {
  readonly id: number
  readonly action: Extract<ScopeAction, 'call' | 'publish' | 'subscribe'>
  /** What the scope has to cover: `service:math.add`. */
  readonly to: string
  /** Messages of the program for it. */
  readonly input?: MessageWindow | undefined
  /** @returns the fields of its end */
  readonly run: (signal: AbortSignal) => Promise<object>
}

interface Running {
  readonly left: AbortController
  readonly input: MessageWindow | undefined
}

export class SocketTasks {
  readonly #parts: SocketParts
  readonly #running = new Map<number, Running>()
  /** Ends that the program has not read. */
  #unread = 0

  constructor(parts: SocketParts) {
    this.#parts = parts
  }

  /** Says how it ends, once. */
  start(task: Task): void {
    const { id, input } = task
    const refusal = this.#refusal(id)
    if (refusal !== undefined) return void this.#parts.send({ id, ...failureOf(refusal) })
    const left = new AbortController()
    this.#running.set(id, { left, input })
    void this.#endOf(task, left.signal).then(end => {
      this.#running.delete(id)
      input?.fail(new MeshError('cancelled', 'Cannot send the message: the stream has ended'))
      return this.#tell(id, end)
    })
  }

  /** Undefined: there is none, or it takes no messages. */
  input(id: number): MessageWindow | undefined {
    return this.#running.get(id)?.input
  }

  /** @returns whether there was one */
  cancel(id: number, reason = new MeshError('cancelled', 'Cannot go on: the program cancelled it')): boolean {
    const running = this.#running.get(id)
    running?.left.abort(reason)
    return running !== undefined
  }

  /** The program has left. */
  end(): void {
    for (const id of this.#running.keys()) this.cancel(id)
  }

  #refusal(id: number): MeshError | undefined {
    if (this.#running.has(id)) return new MeshError('conflict', `Cannot begin ${id}: it runs already`)
    const inFlight = this.#running.size + this.#unread
    if (inFlight < gatewayDefaults.requestsOfToken) return undefined
    return new MeshError('rate_limited', `Cannot begin ${id}: ${inFlight} are in flight`)
  }

  async #endOf({ action, to, run }: Task, signal: AbortSignal): Promise<object> {
    const { agent, caller } = this.#parts
    try {
      checkScope(agent, caller, action, to)
    } catch (thrown) {
      return failureOf(thrown)
    }
    try {
      return { end: await run(signal) }
    } catch (thrown) {
      const note = action === 'call' ? noteDenial : noteTopicDenial
      note(agent, caller, { action, to }, thrown)
      return failureOf(signal.aborted ? signal.reason : thrown)
    }
  }

  async #tell(id: number, end: object): Promise<void> {
    const { send } = this.#parts
    this.#unread++
    await send({ id, ...end })
      .catch((error: unknown) => send({ id, ...failureOf(error) }))
      .finally(() => this.#unread--)
  }
}

export function failureOf(thrown: unknown): { error: object } {
  const error = toMeshError(thrown, 'internal', 'answer')
  return { error: { ...problemOf(error), retryable: error.retriable } }
}
