/** Calls and streams that a program opens over its WebSocket. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { localValue, valueOfLocal, type LocalValue } from '@agent-mesh/protocol/local-value'

import { gatewayDefaults } from '../defaults.ts'
import { targetOfMethod } from '../method-target.ts'
import { MessageWindow } from './message-window.ts'
import type { SaidOf } from './messages.ts'
import type { SocketParts, SocketTasks } from './socket-tasks.ts'

export class SocketCalls {
  readonly #parts: SocketParts
  readonly #tasks: SocketTasks

  constructor(parts: SocketParts, tasks: SocketTasks) {
    this.#parts = parts
    this.#tasks = tasks
  }

  call({ id, call: method, ...asked }: SaidOf<'call'>): void {
    const { agent, caller } = this.#parts
    this.#tasks.start({
      ...{ id, action: 'call', to: targetOfMethod(method) },
      run: async signal => {
        const { params, options } = optionsOf(asked)
        const answer = await agent.ask(method, params, { ...options, app: caller.app, signal })
        const { value, peerId, name, path } = answer
        const from = { peerId, ...(name !== undefined && { name }), ...(path !== undefined && { path }) }
        return { ...localValue(value), ...from }
      },
    })
  }

  stream({ id, stream: method, input: takes, ...asked }: SaidOf<'stream'>): void {
    const { agent, caller, send, bytes } = this.#parts
    const grant = (more: number) => void send({ id, more })
    const { heldBytes: mostBytes } = gatewayDefaults
    const input = takes === true ? new MessageWindow({ grant, bytes, mostBytes }) : undefined
    this.#tasks.start({
      ...{ id, action: 'call', to: targetOfMethod(method), input },
      run: async signal => {
        const { params, options } = optionsOf(asked)
        const stream = agent.stream(method, params, {
          ...options,
          ...(input !== undefined && { input: input.messages() }),
          ...{ app: caller.app, signal },
        })
        for await (const message of stream) await send({ id, message: localValue(message) })
        return localValue(await stream.result)
      },
    })
  }

  message(id: number, message: LocalValue, size: number): void {
    const input = this.#tasks.input(id)
    if (input === undefined || input.push(valueOfLocal(message), size)) return
    const error = new MeshError('overloaded', 'Cannot send the message: more came than "more" said')
    this.#tasks.cancel(id, error)
  }

  last(id: number): void {
    this.#tasks.input(id)?.end()
  }
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
