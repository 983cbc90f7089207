/** The members for whom the owner of this machine opens something: the policy must allow them, too. */
import { MeshError, selectorsOf } from '@agent-mesh/protocol'
import type { Authorize } from '../services/index.ts'

/** @throws MeshError permission_denied for a member that the list does not name */
export const checkOwner: Authorize = ({ from, action, to, allow }) => {
  if (allow === undefined) return
  const selectors = selectorsOf(from)
  if (allow.some(selector => selectors.has(selector))) return
  throw new MeshError(
    'permission_denied',
    `Cannot ${action} ${to}: the owner of that machine opened it for ${allow.join(', ')} only`,
    { hint: `The owner can add "name:${from.name}" to this list.` },
  )
}

/** Lets pass what both allow. */
export const policyAndOwner =
  (policy: Authorize): Authorize =>
  question => {
    policy(question)
    checkOwner(question)
  }
