import { MeshError } from '@agent-mesh/protocol/errors'
import type { Token } from './model.ts'

/** Why a token cannot be redeemed, in the words of every adapter; undefined when it can. */
export function tokenRefused(token: Token | undefined, now: number): MeshError | undefined {
  const reason = reasonOf(token, now)
  return reason === undefined
    ? undefined
    : new MeshError('token_invalid', `Cannot redeem join token: it ${reason}`, {
        hint: 'Ask an admin for a new one: agent-mesh token create.',
      })
}

function reasonOf(token: Token | undefined, now: number): string | undefined {
  if (token === undefined) return 'is unknown'
  if (token.revokedAt !== undefined) return 'was revoked'
  if (token.expiresAt <= now) return `expired at ${new Date(token.expiresAt).toISOString()}`
  return token.left === 0 ? `was used ${token.uses} of ${token.uses} times` : undefined
}
