import { MeshError } from '@agent-mesh/protocol/errors'
import { localStatusReply } from '@agent-mesh/protocol/local-api'
import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../core/invalid-argument.ts'
import { checkOptions, namesOf } from '../core/option-names.ts'
import { checkContracts, type Contracts } from '../services/index.ts'
import { contextFolder } from '../identity/context-folder.ts'
import { OtelTracing } from '../observe/otel-tracing.ts'
import { AttachedAgent } from './attached-agent.ts'
import { askLocal } from './local-socket.ts'

export interface AttachOptions<C extends Contracts = readonly []> {
  /** Data folder of the running agent. @default that of `context` */
  readonly data?: string
  /** As `agent-mesh --context`. @default AGENT_MESH_DATA, AGENT_MESH_CONTEXT, what `agent-mesh context use` chose, `default` */
  readonly context?: string
  /** Contracts of services it calls: their calls are checked and typed. */
  readonly contracts?: C
}

/**
 * Uses the agent that runs on this machine ("agent-mesh up") without becoming a member: calls are made by that agent, with its name
 * and its rights. Opens nothing that must be closed.
 * @throws MeshError invalid_argument for options that there are not; unavailable where none runs; permission_denied where it belongs to another user; unsupported for a control plane
 */
export async function attach<const C extends Contracts = readonly []>(
  options: AttachOptions<C> = {},
): Promise<AttachedAgent<C>> {
  checkAttach(options)
  const folder = contextFolder(options)
  const {
    kind,
    name = '',
    peerId = '',
    meshId,
  } = await askLocal(folder, { path: '/v1/status' }, localStatusReply)
  if (kind !== 'agent')
    throw new MeshError('unsupported', `Cannot attach to ${folder}: a ${kind} runs there`, {
      hint: 'Name the context or the data folder of an agent.',
    })
  // Where its API cannot be loaded, there are no spans.
  const tracing = new OtelTracing(() => {})
  await tracing.start()
  return new AttachedAgent({ folder, name, peerId, meshId, contracts: options.contracts, tracing })
}

const attachNames = namesOf<AttachOptions>({ data: true, context: true, contracts: true })

/** @throws MeshError invalid_argument */
function checkAttach(options: AttachOptions<Contracts>): void {
  checkOptions(options, attachNames, 'attach')
  for (const name of ['data', 'context'] as const) {
    const value: unknown = options[name]
    if (value === undefined || typeof value === 'string') continue
    throw invalidArgument('attach', `${name} is ${shownValue(value)}, no text`)
  }
  checkContracts(options.contracts, 'attach')
}
