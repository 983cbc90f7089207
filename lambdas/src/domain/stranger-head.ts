/**
 * The head for strangers: the keys, by which a new member recognizes the mesh, and relays of its region; no policy and no
 * revocations. Its other numbers are 0, below all that members know, so no member adopts it; versions without the mark
 * `forStrangers` read it as any head: with an empty policy, which denies everything, until they are enrolled.
 */
import {
  signHead,
  signPolicy,
  signRelays,
  signRevocations,
  type RelayEntry,
  type SignedHead,
} from '@agent-mesh/protocol'
import { headFreshMs, strangerRelays } from '../defaults.ts'
import { readRelays, type Documents } from './head-documents.ts'
import type { HeadService } from './head.ts'
import type { MeshContext } from './mesh-context.ts'

export interface StrangerHead {
  /** @param region of the relays in it, @default relays without a region; if there are none, one of each region */
  signed(region?: string): Promise<SignedHead>
}

/** Kept until one of its parts changes. */
interface Kept<T> {
  of: string
  made: Promise<T>
}

export function strangerHead(
  mesh: Documents & Pick<MeshContext, 'signer' | 'meshId' | 'clock'>,
  head: HeadService,
): StrangerHead {
  const { meshId, clock } = mesh
  const part = { mesh: meshId, number: 0 }
  const kept = new Map<string, Kept<unknown>>()

  /** Does not keep a failure. */
  const keep = <T>(name: string, of: string, make: () => Promise<T>): Promise<T> => {
    const known = kept.get(name)
    if (known?.of === of) return known.made as Promise<T>
    const made = make()
    kept.set(name, { of, made })
    made.catch(() => kept.delete(name))
    return made
  }

  const signedHead = async (keys: number): Promise<string> => {
    const numbers = { keys, relays: 0, policy: 0, revocations: 0 }
    return signHead(mesh.signer, { mesh: meshId, numbers, issuedAt: clock.now(), forStrangers: true })
  }

  return {
    signed: async (region = '') => {
      const numbers = await head.numbers()
      // Signatures of a revoked authority key are invalid: a new chain needs new signatures.
      const chain = String(numbers.keys)
      const all = await keep('roster', `${chain}.${numbers.relays}`, () => readRelays(mesh))
      const told = relaysFor(all.relays, region)
      // For a region without relays nothing is kept: a stranger may name any.
      const place = all.relays.some(relay => relay.region === region) ? region : ''
      const [keys, signed, relays, policy, revocations] = await Promise.all([
        head.keys(),
        keep('head', `${chain}.${Math.floor(clock.now() / headFreshMs)}`, () => signedHead(numbers.keys)),
        keep(`relays of ${place}`, `${chain}.${numbers.relays}`, () =>
          signRelays(mesh.signer, { ...part, relays: told }),
        ),
        keep('policy', chain, () => signPolicy(mesh.signer, { ...part, policy: { grants: [], tests: [] } })),
        keep('revocations', chain, () => signRevocations(mesh.signer, { ...part, peerIds: [], serials: [] })),
      ])
      return { head: signed, keys, relays, policy, revocations }
    },
  }
}

/** Relays of the region, or without a region if none is named; if there are none, one of each region. */
function relaysFor(all: readonly RelayEntry[], region: string): RelayEntry[] {
  const own = all.filter(relay => (relay.region ?? '') === region)
  const seen = new Set<string | undefined>()
  const spread = all.filter(relay => !seen.has(relay.region) && seen.add(relay.region))
  return (own.length > 0 ? own : spread).slice(0, strangerRelays)
}
