import { memberNameOf } from '@agent-mesh/agent/discovery/enrolment'
import { hostname } from 'node:os'

/**
 * The name that a member asked for, when the mesh gave it another one: that of the command line, or the host name when another
 * member holds it. A name that the token fixes was not asked for.
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
  return [
    `It asked for the name ${vain} and got ${name}: another member holds ${vain}, or the token fixes the name.`,
  ]
}
