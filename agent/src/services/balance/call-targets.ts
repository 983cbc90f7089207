import type { RpcLink } from '../../rpc/index.ts'
import type { Path } from '../../transport/index.ts'
import type { Directory } from './directory.ts'

/** What a call is made on: a link, or the loopback to this member's services. */
export interface Callee extends Pick<RpcLink, 'call'>, Partial<Pick<RpcLink, 'stream'>> {
  /** Of the link; none to the own services. */
  readonly path?: Path
}

/** The members that can be called and the links to them, as the rooms below provide them. */
export interface CallTargets extends Directory {
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
