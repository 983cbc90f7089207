/** Pipes of an agent to ports of other members. */
import type { Duplex } from 'node:stream'
import { MeshError, parse, pipeProtocol, portNameField } from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import { systemWheelClock } from '../rpc/index.ts'
import { openPipe } from '../rpc/pipes/open-pipe.ts'
import type { PipeMember, ServedPipes } from './served-pipes.ts'
import type { Targets } from './targets.ts'

export interface PipeOptions {
  /** ms until the port has answered. @default 30,000 */
  timeout?: number
  signal?: AbortSignal
}

export interface PipesInit {
  member: Pick<PipeMember, 'identity'>
  targets: Pick<Targets, 'find' | 'link'>
  served: Pick<ServedPipes, 'toItself'>
}

export class Pipes {
  readonly #init: PipesInit

  constructor(init: PipesInit) {
    this.#init = init
  }

  /** @throws MeshError not_found; as {@link Targets.link} and {@link openPipe} */
  async connect(peer: string, port: string, { timeout = 30_000, signal }: PipeOptions): Promise<Duplex> {
    const action = `connect to port ${port} of ${peer}`
    parse(portNameField, port, action)
    const peerId = this.#init.targets.find(peer)
    if (peerId === undefined)
      throw new MeshError('not_found', `Cannot ${action}: no member has this name or peer id`, {
        hint: 'List the members with "agent-mesh peers".',
      })
    const ms = checkDuration(timeout, action)
    const limits = [timeoutSignal(ms), ...(signal === undefined ? [] : [signal])]
    const limit = AbortSignal.any(limits)
    const deadline = systemWheelClock.now() + ms
    const stream = await this.open(peerId, { deadline, signal: limit }).catch((error: unknown) => {
      throw explained(error, action)
    })
    return openPipe(stream, { request: { to: `port:${port}` }, action, signal: limit })
  }

  /** A fresh stream for a pipe to a member, over its best link. @throws MeshError as {@link Targets.link} */
  async open(peerId: string, options: { deadline: number; signal: AbortSignal }): Promise<Duplex> {
    const { member, targets, served } = this.#init
    if (peerId === member.identity.peerId) return served.toItself()
    return (await targets.link(peerId, options)).openDuplex(pipeProtocol, options)
  }
}

/** Members of the first versions have no pipes. */
function explained(error: unknown, action: string): unknown {
  if (!(error instanceof MeshError) || error.code !== 'unsupported') return error
  return new MeshError('unsupported', `Cannot ${action}: its version of Agent Mesh has no pipes`, {
    cause: error,
    notStarted: true,
    hint: 'Upgrade that member.',
  })
}
