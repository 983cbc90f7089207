import type { ControlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'
import type { TokenView } from '@agent-mesh/protocol/api/tokens'

import { duration } from '../show/units.ts'

/** Every page of the join tokens, by id. @throws MeshError */
export async function allTokens(
  client: Pick<ControlPlaneClient, 'tokens'>,
  signal: AbortSignal,
): Promise<TokenView[]> {
  const tokens: TokenView[] = []
  for (let cursor: string | undefined; ;) {
    const page = await client.tokens(cursor, signal)
    tokens.push(...page.tokens)
    cursor = page.next
    if (cursor === undefined) return tokens
  }
}

/** For people: good for how long, or why it is not. */
export function tokenState({ revoked, left, expiresAt }: TokenView): string {
  const remaining = expiresAt - Date.now()
  if (revoked) return 'revoked'
  if (remaining <= 0) return 'expired'
  return left === 0 ? 'used up' : `good for ${duration(remaining)}`
}
