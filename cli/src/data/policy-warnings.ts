/** Warnings about a policy: from its text, and about names that no member of the mesh has or serves now. */
import {
  adminTargets,
  policyWarnings,
  selectorsOf,
  unmatchedNames,
  verifyCredential,
  verifyHead,
  verifyRecord,
  type KnownNames,
  type Policy,
} from '@agent-mesh/protocol'
import type { ControlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'

/** A place in a policy as a person finds it: `line 3, column 7`, or `grants.1.to.0`. */
export type PlaceOf = (path: readonly PropertyKey[]) => string

/** The place in a policy that is no file. */
export const plainPlace: PlaceOf = path => path.map(String).join('.')

/** @param known what members are there; undefined: they were not asked for */
export const warningsOf = (policy: Policy, placeOf: PlaceOf, known?: KnownNames): string[] =>
  [
    ...policyWarnings(policy, adminTargets),
    ...(known === undefined ? [] : unmatchedNames(policy, known)),
  ].map(({ path, text }) => `${[...new Set([placeOf(path), plainPlace(path)])].join(': ')}: ${text}`)

/** Every member of the map, page by page. Admins are not in it, so that their role counts as known. @throws MeshError */
export async function knownNames(client: ControlPlaneClient, signal: AbortSignal): Promise<KnownNames> {
  const { keys } = await verifyHead(client.meshId, (await client.bootstrap({}, signal)).head)
  const selectors = new Set(['*', 'role:agent', 'role:relay', 'role:admin'])
  const services = new Set<string>()
  for (let cursor: string | undefined; ;) {
    const { members, next } = await client.members(cursor === undefined ? {} : { cursor }, signal)
    for (const { peerId, credential, record } of members) {
      const check = { meshId: client.meshId, keys, now: 'any', peerId } as const
      const [claims, shown] = await Promise.allSettled([
        verifyCredential(credential, check),
        verifyRecord(record, Infinity),
      ])
      // A pair that other members would refuse does not count.
      if (claims.status === 'rejected' || shown.status === 'rejected') continue
      for (const selector of selectorsOf(claims.value)) selectors.add(selector)
      for (const ref of shown.value.record.services) services.add(ref.replace(/@\d+$/, ''))
    }
    cursor = next
    if (cursor === undefined) return { selectors, services }
  }
}
