import { MeshError, parse, toMeshError } from '@agent-mesh/protocol'
import { checkAbortable } from '../core/check-abortable.ts'
import { namesOf } from '../core/option-names.ts'
import {
  hostService,
  type CallAnswer,
  type CallOptions,
  type CallTargets,
  type DescribedService,
} from '../services/index.ts'

export type DescribeOptions = Pick<CallOptions, 'peer' | 'timeout' | 'signal'>

const describeNames = namesOf<DescribeOptions>({ peer: true, timeout: true, signal: true })

export interface DescribeServiceInit {
  targets: Pick<CallTargets, 'providers'>
  ask: (method: 'host.describe', params: { service: string }, options: CallOptions) => Promise<CallAnswer>
}

/** Providers that are asked, one after the other, until one tells. */
const asked = 3

/**
 * What a provider says of a service, `math` (its newest version there) or `math@2`: the methods that this member may call, with the
 * JSON Schema of their values.
 * @throws MeshError `unavailable`, `permission_denied`, `not_found` when the member named serves nothing of it
 */
export async function describeService(
  { targets, ask }: DescribeServiceInit,
  service: string,
  asking: DescribeOptions,
): Promise<DescribedService> {
  checkAbortable(asking, describeNames, 'describe', service)
  const { peer, ...options } = asking
  const { good, doubtful } = await targets.providers(service)
  const peers = peer === undefined ? [...good, ...doubtful].slice(0, asked) : [peer]
  let failure: unknown = new MeshError(
    'unavailable',
    `Cannot describe ${service}: no known member serves it`,
    {
      details: { providers: 0 },
    },
  )
  for (const each of peers) {
    try {
      const { value } = await ask('host.describe', { service }, { ...options, peer: each })
      const reply = parse(
        hostService.methods.describe.result,
        value,
        `read what ${each} says of ${service}`,
        'protocol_error',
      )
      const newest = reply.services.sort((a, b) => versionOf(b) - versionOf(a))[0]
      if (newest !== undefined) return newest
      failure = new MeshError(
        'not_found',
        `Cannot describe ${service}: ${each} has no method of it that this member may call`,
      )
    } catch (error) {
      failure = error
    }
  }
  throw toMeshError(failure, 'unavailable', `describe ${service}`)
}

const versionOf = ({ service }: DescribedService): number =>
  Number(service.slice(service.lastIndexOf('@') + 1))
