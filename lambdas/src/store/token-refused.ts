import { MeshError } from '@agent-mesh/protocol/errors'
import type { Token } from './parts/tokens.ts'

/** Why a token cannot be redeemed, in the words of every adapter; undefined when it can. */
export function tokenRefused(token: Token | undefined, now: number): MeshError | undefined {
  const reason = reasonOf(token, now)
  return reason === undefined
    ? undefined
    : new MeshError('token_invalid', `Cannot redeem join token: it ${reason}`, {
        hint: 'Ask an admin for a new one: agent-mesh token create.',
      })
}

/** Asked before a use is taken: a token for another kind of member is not spent. @throws MeshError permission_denied */
export function mustGiveRole({ roles }: Token, role: string | undefined): void {
  if (role === undefined || roles.includes(role)) return
  const beside = roles.filter(other => other !== 'agent' && other !== 'relay')
  const wanted = [role, ...beside].map(each => `--role ${each}`).join(' ')
  const given = roles.length === 0 ? 'no role' : roles.join(', ')
  throw new MeshError(
    'permission_denied',
    `Cannot redeem join token: it gives ${given}, and ${role} is wanted`,
    { hint: `The token is not used up. Make another one: agent-mesh token create ${wanted}` },
  )
}

function reasonOf(token: Token | undefined, now: number): string | undefined {
  if (token === undefined) return 'is unknown'
  if (token.revokedAt !== undefined) return 'was revoked'
  if (token.expiresAt <= now) return `expired at ${new Date(token.expiresAt).toISOString()}`
  return token.left === 0 ? `was used ${token.uses} of ${token.uses} times` : undefined
}
