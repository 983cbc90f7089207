/** The relays that an agent uses, where its owner chose some. */
import { parse, type RelayEntry } from '@agent-mesh/protocol'
import * as z from 'zod/mini'

const field = z.optional(
  z.array(z.string().check(z.minLength(1), z.maxLength(128))).check(z.minLength(1), z.maxLength(8)),
)

export type UsesRelay = (relay: Pick<RelayEntry, 'peerId' | 'name'>) => boolean

/** @param relays names or peer ids; undefined: all @throws MeshError invalid_argument */
export function parseUsedRelays(relays: readonly string[] | undefined): UsesRelay {
  const chosen = parse(field, relays, 'start: relays')
  return ({ peerId, name }) => chosen === undefined || chosen.includes(peerId) || chosen.includes(name)
}
