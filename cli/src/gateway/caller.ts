/** Who asks through the gateway, and what it may ask for. */
import type { Agent } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol/errors'

import type { GatewayToken } from './gateway-tokens.ts'
import { ownApps } from './own-apps.ts'
import { isInScope, touches, type ScopeAction } from './scope.ts'

export type GatewayAgent = Pick<
  Agent,
  | 'ask'
  | 'stream'
  | 'serve'
  | 'describe'
  | 'services'
  | 'peers'
  | 'connect'
  | 'publish'
  | 'subscribe'
  | 'recordDenial'
>

export interface GatewayCaller {
  /** Name of the program; undefined: the owner of the agent. */
  readonly app: string | undefined
  allows(action: ScopeAction, to: string): boolean
  /** @throws MeshError unauthenticated once its token is revoked or has expired */
  mustHold(): void
  /** Whether it may reach some method of a service, `math`. */
  reaches(service: string): boolean
  /** What it may do something to, as the policy writes it. */
  targets(action: ScopeAction): readonly string[]
}

/** One that goes into audit and logs by name. */
export interface ProgramCaller extends GatewayCaller {
  /** Of its token. */
  readonly id: string
  readonly app: string
  /** Of a browser: the same for all of its requests to one address. */
  readonly session?: string
}

const ownersTargets: Partial<Record<ScopeAction, readonly string[]>> = {
  connect: ['port:*'],
  publish: ['topic:*'],
  subscribe: ['topic:*'],
}

/** On the local socket: all that the agent may. */
export const owner: GatewayCaller = {
  app: undefined,
  allows: () => true,
  mustHold: () => {},
  reaches: () => true,
  targets: action => ownersTargets[action] ?? [],
}

/** A browser that the owner signs in. */
export const ownersBrowser: ProgramCaller = { ...owner, id: 'owner', app: ownApps.browser }

export const callerOf = (
  { id, app, scope }: Pick<GatewayToken, 'id' | 'app' | 'scope'>,
  mustHold: () => void,
): ProgramCaller => ({
  id,
  app,
  mustHold,
  allows: (action, to) => isInScope(scope, action, to),
  reaches: service => touches(scope, service),
  targets: action => scope[action] ?? [],
})

/** A denial is on record here. @throws MeshError permission_denied */
export function checkScope(
  agent: Pick<GatewayAgent, 'recordDenial'>,
  { app, allows }: GatewayCaller,
  action: ScopeAction,
  to: string,
): void {
  if (app === undefined || allows(action, to)) return
  agent.recordDenial({ app, by: 'scope', action, to })
  throw new MeshError('permission_denied', `Cannot ${action} ${to}: the token of ${app} does not cover it`, {
    notStarted: true,
    hint: `Make a token with "agent-mesh gateway token create --${action} '${to}'".`,
  })
}

/** Puts on record that the policy refused a program, whose agent asked for it; the member that refused has it, too. */
export function noteDenial(
  agent: Pick<GatewayAgent, 'recordDenial'>,
  { app }: GatewayCaller,
  asked: { action: ScopeAction; to: string },
  thrown: unknown,
): void {
  const isDenied = thrown instanceof MeshError && thrown.code === 'permission_denied' && thrown.notStarted
  if (app !== undefined && isDenied) agent.recordDenial({ app, by: 'policy', ...asked })
}

/** The same of topics, where no handler can have said it. */
export function noteTopicDenial(
  agent: Pick<GatewayAgent, 'recordDenial'>,
  { app }: GatewayCaller,
  asked: { action: ScopeAction; to: string },
  thrown: unknown,
): void {
  if (app !== undefined && thrown instanceof MeshError && thrown.code === 'permission_denied')
    agent.recordDenial({ app, by: 'policy', ...asked })
}
