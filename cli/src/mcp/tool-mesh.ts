/** What tools need of the mesh: from the running agent, over its socket or in its process. */
import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'
import type { LocalPeer } from '@agent-mesh/protocol/local-api'
import type { LocalValue } from '@agent-mesh/protocol/local-value'

export interface AskedTool {
  /** `math@2.add` */
  readonly method: string
  /** `service:math.add` */
  readonly to: string
  readonly params: unknown
  readonly member: string | undefined
  /** ms that the contract of the method gives it. */
  readonly timeoutMs: number | undefined
  /** For audit: `toolApp`. */
  readonly app: string
  readonly signal: AbortSignal
}

/** Who answered, and what. */
export interface ToolAnswer extends LocalValue {
  readonly member: string | undefined
}

export interface ToolMesh {
  /** Services with the methods that this caller may call. @throws MeshError */
  describe(signal: AbortSignal): Promise<readonly DescribedService[]>
  /** @throws MeshError what the call does */
  call(asked: AskedTool): Promise<ToolAnswer>
  /** Messages, then the result. @throws MeshError what ends the stream */
  stream(asked: AskedTool): AsyncGenerator<LocalValue, ToolAnswer, undefined>
  /** @throws MeshError */
  members(): Promise<readonly Pick<LocalPeer, 'name' | 'peerId' | 'online' | 'services'>[]>
}
