/** A policy as a file: what `policy get` prints and `policy set` takes. */
import {
  explainPolicy,
  MeshError,
  selectorsOf,
  verifyCredential,
  verifyHead,
  type Action,
  type Explanation,
} from '@agent-mesh/protocol'
import type { ControlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'
import { readPolicyText, type PolicyFile } from './policy-text.ts'
import { readInput } from './read-input.ts'

/** @param file a path, or `-` for stdin @throws MeshError not_found, too_large; invalid_argument as {@link readPolicyText} */
export const readPolicyFile = async (file: string): Promise<PolicyFile> =>
  readPolicyText(await readInput(file), file)

/**
 * Why `who` may or may not do something, by the policy in force.
 * @param who a name, a peer id, or a selector like `role:ops`
 * @throws MeshError not_found when no member of the map is called that
 */
export async function explainFor(
  client: ControlPlaneClient,
  { who, action, target }: { who: string; action: Action; target: string },
  signal: AbortSignal,
): Promise<Explanation & { who: string; action: Action; target: string; number: number }> {
  const { number, policy } = await client.policy(signal)
  const selectors = await selectorsFor(client, who, signal)
  return { who, action, target, number, ...explainPolicy(policy, { selectors, action, target }) }
}

async function selectorsFor(
  client: ControlPlaneClient,
  who: string,
  signal: AbortSignal,
): Promise<Set<string>> {
  if (who === '*' || who.includes(':')) return new Set(['*', who])
  const { peerId, credential } = await memberCalled(client, who, signal)
  const { keys } = await verifyHead(client.meshId, (await client.bootstrap({}, signal)).head)
  return selectorsOf(await verifyCredential(credential, { meshId: client.meshId, keys, now: 'any', peerId }))
}

async function memberCalled(client: ControlPlaneClient, who: string, signal: AbortSignal) {
  if (who.startsWith('12D3KooW')) return client.member(who, signal)
  for (let cursor: string | undefined; ;) {
    const page = await client.members(cursor === undefined ? {} : { cursor }, signal)
    const found = page.members.find(({ name }) => name === who)
    if (found !== undefined) return found
    cursor = page.next
    if (cursor === undefined)
      throw new MeshError(
        'not_found',
        `Cannot explain the policy for ${who}: no member of the map has this name`,
        {
          hint: 'List members with "agent-mesh members list", or ask for a role with a selector: role:agent.',
        },
      )
  }
}
