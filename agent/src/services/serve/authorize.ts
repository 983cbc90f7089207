import { MeshError, type Action, type Subject } from '@agent-mesh/protocol'

/**
 * Lets a member pass or throws MeshError `permission_denied`. `to` is `service:math.add` for a call, `topic:alerts` for
 * publishing and subscribing. `app` is what the caller says of its program: denials have it on record, and no decision looks at it.
 * `allow` is what the owner of this machine says beside the policy: selectors of the members for whom it opens `to`, or all.
 */
export type Authorize = (question: {
  from: Subject
  action: Exclude<Action, 'manage'>
  to: string
  app?: string | undefined
  allow?: readonly string[] | undefined
}) => void

/** Where no policy is known. */
export const denyAll: Authorize = ({ from, action, to }) => {
  throw new MeshError(
    'permission_denied',
    `Cannot ${action} ${to}: no policy is known to let ${from.name} in`,
  )
}
