import type { RpcLink } from '../../rpc/index.ts'
import type { Path } from '../../transport/index.ts'

/** What a call is made on: a link, or the loopback to the own services. */
export interface Callee extends Pick<RpcLink, 'call'> {
  /** Of the link; none to the own services. */
  readonly path?: Path
}

/** Peer ids by what is believed of them, each in any order. For reading only: the lists are shared. */
export interface Providers {
  /** Believed to answer: asked first. */
  readonly good: readonly string[]
  /** Said to be online, but silent or not reached a moment ago; without a link, where no relay says who is online. */
  readonly doubtful: readonly string[]
  readonly offline: readonly string[]
  /** No member serves it now, but one did a moment ago. @default false */
  readonly lately?: boolean
}

/** Who can be called, and how to reach them; rooms below know. */
export interface CallTargets {
  /** Those whose records list `math` or `math@2`. */
  providers(service: string): Providers
  /** The peer id of a member's name or peer id; undefined: not known. */
  find(nameOrPeerId: string): string | undefined
  nameOf(peerId: string): string | undefined
  /**
   * The best link to a member, made where there is none.
   * @param options.deadline monotonic ms
   * @throws MeshError `unavailable` and others
   */
  callee(peerId: string, options: CalleeOptions): Callee | Promise<Callee>
}

export interface CalleeOptions {
  readonly deadline: number
  readonly signal?: AbortSignal | undefined
}
