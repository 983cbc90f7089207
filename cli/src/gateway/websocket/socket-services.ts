/** Services that a program serves over its WebSocket, for as long as that is open. */
import type { CallContext, ServiceDefinition } from '@agent-mesh/agent'
import { wholeRemainingMs } from '@agent-mesh/protocol/duration'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import type { ProgramMethod } from '@agent-mesh/protocol/local-programs'
import { localValue, valueOfLocal, type LocalValue } from '@agent-mesh/protocol/local-value'

import { contractOf } from '../../programs/program-contract.ts'
import { lineError } from '../../programs/program-reply.ts'
import { checkScope } from '../caller.ts'
import { gatewayDefaults } from '../defaults.ts'
import { methodTarget } from '../method-target.ts'
import { MessageWindow } from './message-window.ts'
import type { Said, SaidOf } from './messages.ts'
import { failureOf, type SocketParts } from './socket-tasks.ts'

type Context = CallContext<Record<never, never>, unknown>
type Answer = Extract<Said, { kind: 'end' | 'error' }>

/** A call that the program works on. */
interface Request {
  readonly action: string
  readonly declared: readonly string[]
  /** Whether messages come before its result. */
  readonly streams: boolean
  /** Its messages, then its result or why it failed. */
  readonly window: MessageWindow
}

export class SocketServices {
  readonly #parts: SocketParts
  readonly #served = new Map<number, () => void>()
  readonly #requests = new Map<number, Request>()
  #last = 0

  constructor(parts: SocketParts) {
    this.#parts = parts
  }

  serve({ id, serve: service, methods }: SaidOf<'serve'>): void {
    const { agent, caller, send } = this.#parts
    try {
      if (this.#served.has(id)) throw new MeshError('conflict', `Cannot serve as ${id}: it is in use`)
      const [name = ''] = service.split('@')
      for (const method of methods) checkScope(agent, caller, 'serve', methodTarget(name, method.name))
      this.#served.set(id, agent.serve(this.#definition(service, methods)))
      void send({ id, serving: service })
    } catch (thrown) {
      void send({ id, ...failureOf(thrown) })
    }
  }

  cancel(id: number): void {
    this.#served.get(id)?.()
    this.#served.delete(id)
  }

  message(request: number, message: LocalValue, size: number): void {
    const asked = this.#requests.get(request)
    if (asked === undefined) return
    const { window, action, streams } = asked
    if (!streams) window.fail(new MeshError('internal', `Cannot ${action}: its program sent a message`))
    else if (!window.push(valueOfLocal(message), size))
      window.fail(new MeshError('overloaded', `Cannot ${action}: its program sent more than "more" said`))
  }

  answer({ kind, said }: Answer): void {
    const asked = this.#requests.get(said.request)
    if (asked === undefined) return
    const { window, action, declared } = asked
    this.#requests.delete(said.request)
    if (kind === 'end') window.end(valueOfLocal(said.end))
    else window.fail(lineError(said.error, action, declared))
  }

  /** The program has left. */
  end(): void {
    for (const id of this.#served.keys()) this.cancel(id)
    for (const { window, action } of this.#requests.values())
      window.fail(new MeshError('unavailable', `Cannot ${action}: its program has left`))
  }

  #definition(service: string, methods: readonly ProgramMethod[]): ServiceDefinition {
    const handlers = Object.fromEntries(
      methods.map(method => {
        const stream = (params: unknown, context: Context) => this.#ask(service, method, params, context)
        const call = async (params: unknown, context: Context) => (await stream(params, context).next()).value
        return [method.name, method.yields === undefined ? call : stream]
      }),
    )
    return { contract: contractOf(service, methods), handlers }
  }

  /** What the program sends, and then its result. */
  async *#ask(
    service: string,
    method: ProgramMethod,
    params: unknown,
    context: Context,
  ): AsyncGenerator<unknown, unknown, undefined> {
    const { send, bytes } = this.#parts
    const request = ++this.#last
    const action = `call ${context.method}`
    const grant = (more: number) => void send({ request, more })
    const window = new MessageWindow({ grant, bytes, mostBytes: gatewayDefaults.heldBytes })
    const leave = () => window.fail(toMeshError(context.signal.reason, 'cancelled', action))
    const declared = Object.keys(method.errors ?? {})
    this.#requests.set(request, { action, declared, streams: method.yields !== undefined, window })
    context.signal.addEventListener('abort', leave, { once: true })
    try {
      if (context.signal.aborted) leave()
      send({ request, service, method: method.name, ...requestOf(params, context) }).catch((error: unknown) =>
        window.fail(toMeshError(error, 'internal', action)),
      )
      if (method.takes !== undefined) void this.#feed(request, context)
      return yield* window.messages()
    } finally {
      context.signal.removeEventListener('abort', leave)
      if (this.#requests.delete(request)) void send({ request, cancel: true })
    }
  }

  async #feed(request: number, { input }: Context): Promise<void> {
    const { send } = this.#parts
    try {
      for await (const message of input) {
        if (!this.#requests.has(request)) return
        await send({ request, message: localValue(message) })
      }
      await send({ request, last: true })
    } catch {
      // The call has ended: its caller has what it ended with.
    }
  }
}

function requestOf(params: unknown, { caller, app, remainingMs, idempotent }: Context): object {
  const { value, bytes } = localValue(params)
  const { sub: peerId, name, roles } = caller
  return {
    ...(value !== undefined && { params: value }),
    ...(bytes !== undefined && { bytes }),
    caller: { peerId, name, roles },
    ...(Number.isFinite(remainingMs) && { timeoutMs: wholeRemainingMs(remainingMs, 1) }),
    ...(idempotent && { idempotent }),
    ...(app !== undefined && { app }),
  }
}
