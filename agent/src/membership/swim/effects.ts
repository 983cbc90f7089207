/** What a step asks its driver to do, and what it was caused by. */
import type { Evidence, SwimMessage } from '@agent-mesh/protocol'

export type SwimEvent =
  /** A link to a member came up that understands these messages. */
  | { readonly type: 'up'; readonly peer: string }
  /** The last link to it ended. `closed`: its side ended it without a farewell. */
  | { readonly type: 'down'; readonly peer: string; readonly closed: boolean }
  /** It answered a probe. */
  | { readonly type: 'heard'; readonly peer: string }
  | { readonly type: 'message'; readonly peer: string; readonly message: SwimMessage }
  /** A verified record. `hello`: the member itself showed it; `map`: others learn it the same way. */
  | {
      readonly type: 'record'
      readonly peer: string
      readonly incarnation: number
      /** @default kept outside, see {@link SwimPorts.proofOf} */
      readonly proof?: string | undefined
      readonly from: 'hello' | 'map'
    }
  /** The map no longer names it. */
  | { readonly type: 'forget'; readonly peer: string }
  /** The own record, signed anew. */
  | { readonly type: 'own'; readonly incarnation: number; readonly proof: string }
  /** The own farewell, signed. */
  | { readonly type: 'leave'; readonly proof: string }
  /** Members, relays or homes changed. */
  | { readonly type: 'scope' }
  /** {@link Swim.nextAt} has come. */
  | { readonly type: 'tick' }

/** It does not answer, or its side closed its links. */
export type Suspicion = 'silent' | 'closed'

export type SwimEffect =
  /** Without a link: it is dialled first. */
  | { readonly type: 'send'; readonly to: string; readonly message: SwimMessage }
  /** Its answer is the event `heard`. */
  | { readonly type: 'ping'; readonly to: string }
  | { readonly type: 'dial'; readonly to: string }
  /** The belief about a member changed. */
  | { readonly type: 'changed'; readonly peer: string; readonly evidence: Evidence }
  /** A member is suspected by this one; undefined: no more. */
  | { readonly type: 'suspect'; readonly peer: string; readonly suspicion: Suspicion | undefined }
  /** Others hold evidence about this member that is not its own: it must sign a record above. */
  | { readonly type: 'raise'; readonly above: number }

/** What a step needs from outside. */
export interface SwimPorts {
  /** Ms, of the clock that steps are given: when anything was last heard from a member. -Infinity: never. */
  heardAt: (peerId: string) => number
  /** Round trip of the link, ms. @default unknown */
  rttMs?: (peerId: string) => number | undefined
  /** 0 <= n < 1 */
  random: () => number
  /** Whether bytes on the network of a member cost money: it is probed as seldom as the preset `metered` says. @default none is */
  isMetered?: (peerId: string) => boolean
  /** The documents that prove a member alive, where its evidence is kept without them. @default evidence has its proof */
  proofOf?: (peerId: string, incarnation: number) => string | undefined
}
