/** Pipes that other members open to an agent, and its own to itself: its ports, and what its tickets are for. */
import { duplexPair, type Duplex } from 'node:stream'
import { pipeProtocol, type Subject } from '@agent-mesh/protocol'
import type { StartTimer } from '@agent-mesh/protocol/timers'
import type { Serving } from '../member/serving.ts'
import type { Tracing } from '../observe/tracing.ts'
import type { BodyCarrier } from '../rpc/index.ts'
import { ExposedPorts, type ExposedPort } from '../rpc/pipes/exposed-ports.ts'
import { PipeServer } from '../rpc/pipes/pipe-server.ts'

/** What the pipes of a member need of it. */
export interface PipeMember {
  readonly transport: {
    handleDuplex(
      protocol: string,
      handler: (pipe: Duplex, link: { readonly peer: { readonly credential: Subject } }) => void,
    ): unknown
  }
  readonly serving: Pick<Serving, 'authorize' | 'bodies' | 'transfers'>
  readonly identity: { readonly peerId: string }
  readonly credential: { readonly claims: Subject }
}

export class ServedPipes {
  readonly #member: PipeMember
  readonly #ports = new ExposedPorts()
  readonly #server: PipeServer

  /** @param start of the clock that limits are measured by */
  constructor(member: PipeMember, tracing?: Tracing, start?: StartTimer) {
    this.#member = member
    const { authorize, bodies, transfers } = member.serving
    this.#server = new PipeServer({
      ports: this.#ports,
      authorize,
      ...{ tracing, startTimer: start },
      take: (request, caller) => {
        const [kind, ticket = ''] = request.to.split(':', 2)
        return kind === 'body' ? bodies.take(ticket, caller) : transfers.take(ticket, request, caller)
      },
    })
  }

  /** Serves pipes from now on. */
  async start(): Promise<void> {
    await this.#member.transport.handleDuplex(pipeProtocol, (pipe, link) =>
      this.#server.serve(pipe, link.peer.credential, link),
    )
  }

  /** @throws MeshError as {@link ExposedPorts.add} */
  expose(port: ExposedPort): () => void {
    return this.#ports.add(port)
  }

  /** A pipe of this member to itself. */
  toItself(): Duplex {
    const [own, served] = duplexPair()
    this.#server.serve(served, this.#member.credential.claims, this)
    return own
  }

  /** Carries bodies over the limit of a frame between this member and itself. */
  bodiesToItself(): BodyCarrier {
    const { serving, identity } = this.#member
    return serving.bodies.carrier(identity.peerId, () => Promise.resolve(this.toItself()))
  }

  /** Takes no new pipes and waits for the end of those that are open; after `ms` they are reset. */
  drain(ms: number): Promise<void> {
    return this.#server.drain(ms)
  }

  close(): void {
    this.#member.serving.transfers.stop()
    this.#server.close()
  }
}
