import { MeshError } from '@agent-mesh/protocol/errors'

import type { Settings } from '../settings.ts'
import { confirmed } from '../show/confirm.ts'
import { askControlPlane } from './ask-control-plane.ts'

export interface ConfirmMember {
  /** `revoke`, for the error. */
  action: string
  /** About `it`: the member is named before. */
  question: string
  signal: AbortSignal
}

/**
 * Looks a member up, then asks on the terminal: a member that does not exist needs no confirmation.
 * @param who name, peer id or serial
 * @throws MeshError not_found without such a member, cancelled without a yes, invalid_argument without a terminal
 */
export async function confirmMember(
  settings: Settings,
  who: string,
  { action, question, signal }: ConfirmMember,
): Promise<void> {
  const member = await askControlPlane(settings, client =>
    client.membership(who, signal).catch((error: unknown) => {
      // An admin who may revoke members need not have the right to read them.
      if (error instanceof MeshError && error.code === 'permission_denied') return undefined
      throw error
    }),
  )
  const known = member === undefined ? who : `${member.name} (${member.peerId})`
  if (await confirmed(`${known}: ${question}`, signal)) return
  throw new MeshError('cancelled', `Cannot ${action} ${who}: not confirmed`, {
    hint: 'Answer y, or pass --yes.',
  })
}
