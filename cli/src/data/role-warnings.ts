/** Warnings about roles of a join token that nothing else in the mesh names: misspelt, or new. */
import type { ControlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'
import { nearestName } from '@agent-mesh/protocol/nearest-name'

import { allTokens } from './tokens.ts'

const builtIn = ['agent', 'relay', 'admin']

/**
 * A sentence for each role of `wanted` that no grant of the policy and no token names; none where an admin may not read both.
 * Asked before the token is made, and only for roles that are not built in.
 */
export async function roleWarnings(
  client: Pick<ControlPlaneClient, 'policy' | 'tokens'>,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const own = wanted.filter(role => !builtIn.includes(role))
  if (own.length === 0) return []
  const [policy, tokens] = await Promise.allSettled([client.policy(signal), allTokens(client, signal)])
  if (policy.status === 'rejected' || tokens.status === 'rejected') return []
  const granted = policy.value.policy.grants.flatMap(({ from }) => from)
  const known = new Set([
    ...builtIn,
    ...granted.filter(selector => selector.startsWith('role:')).map(selector => selector.slice(5)),
    ...tokens.value.flatMap(({ roles }) => roles),
  ])
  return own.filter(role => !known.has(role)).map(role => warningOf(role, [...known]))
}

function warningOf(role: string, known: readonly string[]): string {
  const nearest = nearestName(role, known)
  const question = nearest === undefined ? '' : `; did you mean ${nearest}?`
  return `no grant of the policy and no other token names the role ${role}${question}`
}
