/** What a caller of the gateway may call, as members describe it. */
import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'

import { commandDefaults } from '../defaults.ts'
import type { GatewayAgent, GatewayCaller } from './caller.ts'
import { methodTarget } from './method-target.ts'

export interface Descriptions {
  readonly services: readonly DescribedService[]
  /** Services that no member described in time, `math@1`. */
  readonly unknown: readonly string[]
}

/** Services that are described, at most. */
const most = 64

/** Methods outside of the scope are left out by the gateway, those outside of the policy by the members. */
export async function descriptions(
  agent: GatewayAgent,
  caller: GatewayCaller,
  signal: AbortSignal,
): Promise<Descriptions> {
  const refs = agent
    .services()
    .map(({ service }) => service)
    .filter(ref => caller.reaches(nameOf(ref)))
  const options = { timeout: commandDefaults.describeMs, signal }
  const told = await Promise.all(
    refs.slice(0, most).map(ref => agent.describe(ref, options).catch(() => undefined)),
  )
  const known = told.filter(each => each !== undefined)
  const described = new Set(known.map(({ service }) => service))
  return {
    services: known.map(each => inScope(each, caller)).filter(({ methods }) => methods.length > 0),
    unknown: refs.filter(ref => !described.has(ref)),
  }
}

const nameOf = (ref: string): string => ref.slice(0, ref.lastIndexOf('@'))

const inScope = (described: DescribedService, caller: GatewayCaller): DescribedService => ({
  ...described,
  methods: described.methods.filter(({ name }) =>
    caller.allows('call', methodTarget(nameOf(described.service), name)),
  ),
})
