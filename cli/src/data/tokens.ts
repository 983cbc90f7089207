import type { ControlPlaneClient } from '@agent-mesh/agent/discovery/control-plane-client'
import { unlimitedUses, type TokenView } from '@agent-mesh/protocol/api/tokens'

import { duration } from '../show/units.ts'

/** Every page of the join tokens, in the order they were created; the newest is the last. @throws MeshError */
export async function allTokens(
  client: Pick<ControlPlaneClient, 'tokens'>,
  signal: AbortSignal,
): Promise<TokenView[]> {
  const tokens: TokenView[] = []
  for (let cursor: string | undefined; ;) {
    const page = await client.tokens(cursor, signal)
    tokens.push(...page.tokens)
    cursor = page.next
    if (cursor === undefined)
      return tokens.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  }
}

/** A token as programs get it: without a limit on its uses `uses` and `left` are null. `joined`: how many members joined with it. */
export function tokenForPrograms(view: TokenView) {
  const joined = view.uses - view.left
  return view.uses === unlimitedUses ? { ...view, uses: null, left: null, joined } : { ...view, joined }
}

/** For people: `3/5`, or that there is no limit. */
export const usesLeft = ({ uses, left }: TokenView, between = '/'): string =>
  uses === unlimitedUses ? 'unlimited' : `${left}${between}${uses}`

/** For people: when it expires, or why it cannot be used. */
export function tokenState({ revoked, left, expiresAt }: TokenView): string {
  const remaining = expiresAt - Date.now()
  if (revoked) return 'revoked'
  if (left === 0) return 'used up'
  return remaining <= 0 ? 'expired' : `expires in ${duration(remaining)}`
}
