/** The one member that a call names. */
import { MeshError } from '@agent-mesh/protocol'
import type { FindProviders } from './course.ts'
import type { Plan } from './plan.ts'

/** @param peerId what the directory found under the name `peer` @throws MeshError `not_found` */
export function known({ method }: Pick<Plan, 'method'>, peer: string, peerId: string | undefined): string {
  if (peerId !== undefined) return peerId
  throw new MeshError('not_found', `Cannot call ${method}: no member has the name or peer id '${peer}'`, {
    hint: 'List the members with "agent-mesh peers".',
  })
}

/** One member, whatever is believed of it. */
export function only(peerId: string): FindProviders {
  const providers = { good: [peerId], doubtful: [], offline: [], named: true }
  return () => providers
}
