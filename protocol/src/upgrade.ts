/**
 * Upgrade: two members that are linked through a relay look for a better path, `/agent-mesh/upgrade/1.0.0`, one stream for
 * one attempt over a link there is. JSON messages behind a 4-byte big-endian length; L is the lower peer id, H the higher.
 *
 *   L -> H   offer                what L can do, and where it is
 *   H -> L   answer, or refused
 *   L -> H   sync                 L waits half a round trip, H begins at once: both SYNs are under way at the same time
 *   both     signal …             of WebRTC, while it lasts
 *   both     result               when the own attempts ended; then the stream closes
 *
 *   H -> L   want                 alone on its stream: H knows something new, L may begin again
 *
 * Only L begins, so two attempts never meet. On a punched connection L is the client of TLS and of yamux and says hello.
 */
import * as z from 'zod/mini'
import { addrField } from './fields.ts'

export const upgradeProtocol = '/agent-mesh/upgrade/1.0.0'

export const upgradeLimits = {
  /** One message: a session description of WebRTC with room for its candidates. */
  messageBytes: 16 * 1024,
  signalChars: 8 * 1024,
  /** Addresses of the punching port as relays see it: one of each family. */
  observed: 2,
  /** Addresses of the punching port on the own networks. */
  local: 4,
  /** Addresses listened on. */
  listen: 8,
  reasons: 4,
  reasonChars: 160,
} as const

const addrs = (max: number) => z.array(addrField).check(z.maxLength(max))

/** Whether the NAT gives one local port the same public address towards all. */
export const mappings = ['stable', 'varies', 'unknown'] as const
export type Mapping = (typeof mappings)[number]

const means = {
  mapping: z.enum(mappings),
  /** Where relays see the port that punches; empty: cannot punch. */
  observed: addrs(upgradeLimits.observed),
  /** The same port on the own networks. */
  local: addrs(upgradeLimits.local),
  listen: addrs(upgradeLimits.listen),
  webrtc: z.boolean(),
}

/** Printable: it is shown to people, and decides nothing. */
const reasonField = z.string().check(z.maxLength(upgradeLimits.reasonChars), z.regex(/^[\x20-\x7e]*$/))

export const upgradeMessageSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('offer'), ...means }),
  z.looseObject({ type: z.literal('answer'), ...means }),
  z.looseObject({ type: z.literal('refused'), reason: reasonField }),
  z.looseObject({ type: z.literal('sync') }),
  z.looseObject({
    type: z.literal('signal'),
    kind: z.enum(['offer', 'answer', 'candidate']),
    data: z.string().check(z.maxLength(upgradeLimits.signalChars)),
  }),
  z.looseObject({
    type: z.literal('result'),
    /** Why each way failed. */
    reasons: z.array(reasonField).check(z.maxLength(upgradeLimits.reasons)),
  }),
  z.looseObject({ type: z.literal('want') }),
])
export type UpgradeMessage = z.output<typeof upgradeMessageSchema>
export type UpgradeOffer = Extract<UpgradeMessage, { type: 'offer' | 'answer' }>
export type UpgradeSignal = Extract<UpgradeMessage, { type: 'signal' }>
