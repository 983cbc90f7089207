/** Port: the other relays of a mesh, as the hub of a relay sees them. */
import type { TopicFrameOf } from '@agent-mesh/protocol'
import type { ReadPublication } from './retained-values.ts'

/** What one relay is to pass to its agents. */
export type RelayShare = TopicFrameOf<'forward'>['to'][string]

export interface RemoteHubs {
  /** Relays with subscribers outside groups. */
  plainFor(topic: string): string[]
  /** Relays with members of groups, by group. */
  groupsFor(topic: string): Map<string, { relay: string; members: number }[]>
  /** Relays that can be reached. */
  all(): string[]
  forward(publication: ReadPublication, to: ReadonlyMap<string, RelayShare>, acks: boolean): void
  /** The subscriptions here changed. */
  changed(): void
}
