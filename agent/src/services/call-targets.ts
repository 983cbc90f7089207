import type { RpcLink } from '../rpc/index.ts'

/** What a call is made on: a link, or the loopback to the own services. */
export type Callee = Pick<RpcLink, 'call'>

/** Who can be called, and how to reach them; rooms below know. */
export interface CallTargets {
  /** Peer ids of those believed to serve `math` or `math@2`, in any order; one is chosen at random. */
  providers(service: string): readonly string[]
  /** The peer id of a member's name or peer id; undefined: not known. */
  find(nameOrPeerId: string): string | undefined
  nameOf(peerId: string): string | undefined
  /** Whether it is believed to answer: those are asked first. */
  isOnline(peerId: string): boolean
  /**
   * The best link to a member, made where there is none.
   * @param options.deadline monotonic ms
   * @throws MeshError `unavailable` and others
   */
  connect(peerId: string, options: ConnectOptions): Callee | Promise<Callee>
}

export interface ConnectOptions {
  readonly deadline: number
  readonly signal?: AbortSignal | undefined
}
