import type { CredentialClaims } from './credential.ts'

/**
 * Whether a member may reserve at relays and open circuits through them: those that have a record, agents and relays
 * (docs/adr/0014). Admins talk to the control plane alone.
 */
export const mayRelay = ({ roles }: Pick<CredentialClaims, 'roles'>): boolean =>
  roles.some(role => role === 'agent' || role === 'relay')
