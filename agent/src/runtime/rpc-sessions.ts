/** The calls of each link: one RPC engine per link, from the moment it is up until it is gone. */
import type { Subject } from '@agent-mesh/protocol'
import { rpcLink, type OnRequest, type RpcLink, type TimerWheel } from '../rpc/index.ts'
import type { Link } from '../transport/link.ts'

export interface RpcSessionsInit {
  wheel: TimerWheel
  /** What a link to this member serves with. */
  handlerFor: (caller: Subject) => OnRequest
}

export class RpcSessions {
  readonly #init: RpcSessionsInit
  readonly #rpc = new WeakMap<Link, RpcLink>()

  constructor(init: RpcSessionsInit) {
    this.#init = init
  }

  /** The engine of a link; begins to serve on the first call. */
  of(link: Link): RpcLink {
    const known = this.#rpc.get(link)
    if (known !== undefined) return known
    const { wheel, handlerFor } = this.#init
    const rpc = rpcLink({ stream: link.stream, wheel, onRequest: handlerFor(link.peer.credential) })
    link.watchWork(() => rpc.stats.outbound + rpc.stats.inbound > 0)
    this.#rpc.set(link, rpc)
    return rpc
  }

  /** Says going away, and resolves when nothing runs on the link. */
  async retire(link: Link): Promise<void> {
    await this.#rpc.get(link)?.goAway()
  }
}
