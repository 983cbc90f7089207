/** Port: the members of the mesh, as topics see them. */
import type { ByteStream } from '../core/byte-stream.ts'

/** A link that a stream of topics runs over. */
export interface TopicLink {
  readonly state: 'up' | 'retiring' | 'down'
  openStream(protocol: string, options: { signal?: AbortSignal }): Promise<ByteStream>
}

export interface TopicNetwork {
  /** Relays that are linked, home first. */
  relays(): readonly string[]
  /** Whether the mesh has any. */
  hasRelays(): boolean
  /** Agents that are believed online, without this one. */
  agents(): readonly string[]
  /** The best link that there is. */
  linked(peerId: string): TopicLink | undefined
  /** @throws MeshError */
  link(peerId: string, signal: AbortSignal): Promise<TopicLink>
  /** Calls `listener` when what the others return may have changed. @returns how to stop listening */
  onChange(listener: () => void): () => void
}
