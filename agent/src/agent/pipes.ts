/** Pipes of an agent: ports of other members, and its own for them. */
import { duplexPair, type Duplex } from 'node:stream'
import { MeshError, parse, pipeProtocol, portNameField } from '@agent-mesh/protocol'
import { checkDuration } from '@agent-mesh/protocol/duration'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import type { Member } from '../member/member.ts'
import { systemWheelClock } from '../rpc/index.ts'
import { ExposedPorts, type ExposedPort } from '../rpc/pipes/exposed-ports.ts'
import { openPipe } from '../rpc/pipes/open-pipe.ts'
import { PipeServer } from '../rpc/pipes/pipe-server.ts'
import type { Targets } from './targets.ts'

export interface PipeOptions {
  /** ms until the port has answered. @default 30,000 */
  timeout?: number
  signal?: AbortSignal
}

export class Pipes {
  readonly #member: Pick<Member, 'transport' | 'serving' | 'identity' | 'credential'>
  readonly #targets: Pick<Targets, 'find' | 'link'>
  readonly #ports = new ExposedPorts()
  readonly #server: PipeServer

  constructor(
    member: Pick<Member, 'transport' | 'serving' | 'identity' | 'credential'>,
    targets: Pick<Targets, 'find' | 'link'>,
  ) {
    this.#member = member
    this.#targets = targets
    this.#server = new PipeServer({ ports: this.#ports, authorize: member.serving.authorize })
  }

  /** Serves pipes from now on. */
  async start(): Promise<void> {
    await this.#member.transport.handleDuplex(pipeProtocol, (pipe, link) =>
      this.#server.serve(pipe, link.peer.credential, link),
    )
  }

  expose(port: ExposedPort): () => void {
    return this.#ports.add(port)
  }

  /** @throws MeshError not_found; as {@link Targets.link} and {@link openPipe} */
  async connect(peer: string, port: string, { timeout = 30_000, signal }: PipeOptions): Promise<Duplex> {
    const action = `connect to port ${port} of ${peer}`
    parse(portNameField, port, action)
    const peerId = this.#targets.find(peer)
    if (peerId === undefined)
      throw new MeshError('not_found', `Cannot ${action}: no member has this name or peer id`, {
        hint: 'List the members with "agent-mesh peers".',
      })
    const ms = checkDuration(timeout, action)
    const limits = [timeoutSignal(ms), ...(signal === undefined ? [] : [signal])]
    const limit = AbortSignal.any(limits)
    const deadline = systemWheelClock.now() + ms
    const stream = await this.#stream(peerId, { deadline, signal: limit }).catch((error: unknown) => {
      throw explained(error, action)
    })
    return openPipe(stream, { port, peer, signal: limit })
  }

  async #stream(peerId: string, options: { deadline: number; signal: AbortSignal }): Promise<Duplex> {
    if (peerId !== this.#member.identity.peerId)
      return (await this.#targets.link(peerId, options)).openDuplex(pipeProtocol, options)
    const [own, served] = duplexPair()
    this.#server.serve(served, this.#member.credential.claims, this)
    return own
  }

  /** Takes no new pipes and waits for the end of those that are open; after `ms` they are reset. */
  drain(ms: number): Promise<void> {
    return this.#server.drain(ms)
  }

  close(): void {
    this.#server.close()
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
