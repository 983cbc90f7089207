/**
 * Map: the members that a member knows. Pairs travel as {@link MapPage}s over `GET /v1/map`, the watch WebSocket and
 * the stream `/agent-mesh/map/1.0.0`.
 *
 * Flow of the stream: the agent opens it and sends `sync`, and `home` if the relay is its home; the relay answers `head`,
 * `changes` pages until the cursor is current, `presence` of the agents homed at it, then pushes each as it changes. Messages are JSON, each
 * behind a 4-byte big-endian length.
 */
import * as z from 'zod/mini'
import { credentialField, peerIdField, recordField, serialField } from './fields.ts'
import { signedHeadSchema } from './head.ts'
import { healthDigest } from './health-digest.ts'
import { limits } from './limits.ts'

export const mapProtocol = '/agent-mesh/map/1.0.0'

const place = {
  shard: z.int().check(z.minimum(0), z.maximum(15)),
  v: z.int().check(z.positive()),
  peerId: peerIdField,
}

/** A member's record and credential, as last changed in its shard. */
export const mapPairSchema = z.looseObject({
  ...place,
  record: recordField,
  credential: credentialField,
  /** Only removals have it: {@link isRemoval} goes by it. */
  gone: z.optional(z.never()),
})
/** A member that left, was removed or revoked; kept 22 days. */
export const mapRemovalSchema = z.looseObject({ ...place, gone: serialField })
export const mapChangeSchema = z.union([mapPairSchema, mapRemovalSchema])

export type MapPair = z.output<typeof mapPairSchema>
export type MapRemoval = z.output<typeof mapRemovalSchema>
export type MapChange = z.output<typeof mapChangeSchema>

export const isRemoval = (change: MapChange): change is MapRemoval => change.gone !== undefined

export const mapPageSchema = z.looseObject({
  changes: z.array(mapChangeSchema).check(z.maxLength(limits.mapPairs)),
  /** Cursor after these changes. */
  next: z.string().check(z.maxLength(512)),
  /** Whether a request with `next` returns more at once. */
  more: z.boolean(),
})
export type MapPage = z.output<typeof mapPageSchema>

/** Longest message of the map stream and the watch: a head of four documents and its key chain, with its envelope. */
export const mapMessageBytes = 4 * limits.documentBytes + (limits.keyChain + 1) * limits.keyLinkBytes

/** Agent to relay: `sync` once and first; `home` when the relay becomes its home; `health` when that changed. */
export const mapRequestSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('sync'), since: z.optional(z.string().check(z.maxLength(512))) }),
  z.looseObject({ type: z.literal('home'), home: recordField }),
  /** Only to a relay whose head message says that it accepts them, after `home`; each replaces the one before. */
  z.extend(healthDigest, { type: z.literal('health') }),
])
export type MapRequest = z.output<typeof mapRequestSchema>

/** Relay to agent, and control plane to watcher. */
export const mapMessageSchema = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('head'),
    head: signedHeadSchema,
    /** The relay accepts `health`; relays of earlier versions end the stream at it. */
    health: z.optional(z.boolean()),
    /** The sender sends something at least this often, ms: an empty `presence` when there is nothing else. */
    beatMs: z.optional(z.int().check(z.minimum(1_000), z.maximum(3_600_000))),
  }),
  z.looseObject({ type: z.literal('changes'), page: mapPageSchema }),
  /** The cursor was too old or foreign: forget it, what follows starts anew. */
  z.looseObject({ type: z.literal('restart') }),
  /** Agents homed at the sender that came online or went offline, also those that were there but for a moment; `full`: these are all. */
  z.looseObject({
    type: z.literal('presence'),
    full: z.boolean(),
    up: z.array(peerIdField).check(z.maxLength(limits.mapPairs)),
    down: z.array(peerIdField).check(z.maxLength(limits.mapPairs)),
  }),
])
export type MapMessage = z.output<typeof mapMessageSchema>
