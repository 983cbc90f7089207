import { memberNameOf } from '@agent-mesh/agent/discovery/enrolment'
import { hostname } from 'node:os'

/**
 * The name that a member asked for, when the mesh has it under another one: that of the command line, or the host name that
 * somebody else has. A name that the token gives is none that was asked for.
 */
export function nameAskedInVain(asked: string | undefined, name: string): string | undefined {
  if (asked !== undefined) return asked === name ? undefined : asked
  const host = memberNameOf(hostname())
  return name !== host && name.replace(/-\d+$/, '') === host ? host : undefined
}

/** Lines for people; none when it has the name that it asked for. */
export const otherNameText = (asked: string | undefined, name: string): string[] => {
  const vain = nameAskedInVain(asked, name)
  if (vain === undefined) return []
  return [`It asked for the name ${vain}: another member has that, or this one was given ${name}.`]
}
