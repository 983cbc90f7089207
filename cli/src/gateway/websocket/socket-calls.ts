/** Calls and streams that a program opens over its WebSocket. */
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { localValue, valueOfLocal, type LocalValue } from '@agent-mesh/protocol/local-value'

import { checkScope, noteDenial, type GatewayAgent, type GatewayCaller } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import { methodTarget } from '../method-target.ts'
import { MessageWindow, type HeldBytes } from './message-window.ts'
import type { SaidOf } from './messages.ts'

export interface SocketParts {
  readonly agent: GatewayAgent
  readonly caller: GatewayCaller
  /** Resolves when the program may be sent the next one. */
  readonly send: (message: object) => Promise<void>
  readonly bytes: HeldBytes
}

interface Running {
  readonly left: AbortController
  readonly input: MessageWindow | undefined
}

export class SocketCalls {
  readonly #parts: SocketParts
  readonly #running = new Map<number, Running>()
  /** Ends that the program has not read. */
  #unread = 0

  constructor(parts: SocketParts) {
    this.#parts = parts
  }

  call({ id, call: method, ...asked }: SaidOf<'call'>): void {
    this.#run(id, method, undefined, async signal => {
      const { agent, caller } = this.#parts
      const { params, options } = optionsOf(asked)
      const answer = await agent.ask(method, params, { ...options, app: caller.app, signal })
      const { value, peerId, name, path } = answer
      const from = { peerId, ...(name !== undefined && { name }), ...(path !== undefined && { path }) }
      return { ...localValue(value), ...from }
    })
  }

  stream({ id, stream: method, input: takes, ...asked }: SaidOf<'stream'>): void {
    const { agent, caller, send, bytes } = this.#parts
    const grant = (more: number) => void send({ id, more })
    const { heldBytes: mostBytes } = gatewayDefaults
    const input = takes === true ? new MessageWindow({ grant, bytes, mostBytes }) : undefined
    this.#run(id, method, input, async signal => {
      const { params, options } = optionsOf(asked)
      const stream = agent.stream(method, params, {
        ...options,
        ...(input !== undefined && { input: input.messages() }),
        ...{ app: caller.app, signal },
      })
      for await (const message of stream) await send({ id, message: localValue(message) })
      return localValue(await stream.result)
    })
  }

  message(id: number, message: LocalValue, size: number): void {
    const running = this.#running.get(id)
    if (running?.input === undefined || running.input.push(valueOfLocal(message), size)) return
    running.left.abort(new MeshError('overloaded', 'Cannot send the message: more came than "more" said'))
  }

  last(id: number): void {
    this.#running.get(id)?.input?.end()
  }

  /** @returns whether there was one */
  cancel(id: number): boolean {
    const running = this.#running.get(id)
    running?.left.abort(new MeshError('cancelled', 'Cannot go on: the program cancelled it'))
    return running !== undefined
  }

  /** The program has left. */
  end(): void {
    for (const id of this.#running.keys()) this.cancel(id)
  }

  /** Says how it ends, once. */
  #run(
    id: number,
    method: string,
    input: MessageWindow | undefined,
    run: (signal: AbortSignal) => Promise<object>,
  ): void {
    const { agent, caller, send } = this.#parts
    const to = targetOf(method)
    const refused = (error: MeshError) => void send({ id, ...failureOf(error) })
    if (this.#running.has(id))
      return refused(new MeshError('conflict', `Cannot begin ${id}: it runs already`))
    const inFlight = this.#running.size + this.#unread
    if (inFlight >= gatewayDefaults.requestsOfToken)
      return refused(new MeshError('rate_limited', `Cannot begin ${id}: ${inFlight} are in flight`))
    const left = new AbortController()
    this.#running.set(id, { left, input })
    const answered = async (): Promise<object> => {
      checkScope(agent, caller, 'call', to)
      return { end: await run(left.signal) }
    }
    const ended = answered().catch((thrown: unknown) => {
      noteDenial(agent, caller, { action: 'call', to }, thrown)
      return failureOf(left.signal.aborted ? left.signal.reason : thrown)
    })
    void ended.then(end => {
      this.#running.delete(id)
      input?.fail(new MeshError('cancelled', 'Cannot send the message: the stream has ended'))
      this.#unread++
      return send({ id, ...end })
        .catch((error: unknown) => send({ id, ...failureOf(error) }))
        .finally(() => this.#unread--)
    })
  }
}

/** Of `math@2.add` */
function targetOf(method: string): string {
  const at = method.lastIndexOf('.')
  return methodTarget(method.slice(0, at).replace(/@\d{1,6}$/, ''), method.slice(at + 1))
}

function optionsOf({ params, bytes, peer, timeoutMs, key, ...rest }: Omit<SaidOf<'call'>, 'id' | 'call'>) {
  return {
    params: valueOfLocal({ value: params, bytes }),
    options: {
      ...(peer !== undefined && { peer }),
      ...(timeoutMs !== undefined && { timeout: timeoutMs }),
      ...(key !== undefined && { key }),
      ...(rest.idempotent !== undefined && { idempotent: rest.idempotent }),
    },
  }
}

export function failureOf(thrown: unknown): { error: object } {
  const error = toMeshError(thrown, 'internal', 'answer')
  return { error: { ...problemOf(error), retryable: error.retriable } }
}
