/** {@link createAgent} is what programs use: it composes an agent and starts it. */
import { networkInterfaces } from 'node:os'
import type { Clock } from '../observe/clock.ts'
import { createLogger, type Logger } from '../observe/logger.ts'
import { localCallee, type Contracts } from '../services/index.ts'
import { Agent } from './agent.ts'
import { Lan } from './lan.ts'
import { openMember, type Member, type MemberInit } from './member.ts'
import {
  parseMemberOptions,
  parsePaths,
  type MemberOptions,
  type MemberSettings,
  type PathChoice,
} from './options.ts'
import { Reachable } from './reachable.ts'
import { Targets } from './targets.ts'

export interface AgentOptions<C extends Contracts = readonly []> extends MemberOptions {
  /** Contracts of services it calls: their calls are checked and typed. */
  contracts?: C
  /** `relay`: listens nowhere and dials relays only. @default 'any' */
  paths?: PathChoice
  /** @default JSON lines on stderr, level info */
  log?: Logger
  /** Gives up while joining. */
  signal?: AbortSignal
  /** @default the clock of the machine */
  clock?: Clock
}

/**
 * Starts an agent; the first start needs a join token. Resolves when it is enrolled, listens and knows the members;
 * relays are found from then on.
 * @throws MeshError invalid_argument, token_invalid, unauthenticated, permission_denied without the role `agent`, unavailable
 */
export async function createAgent<const C extends Contracts = readonly []>(
  options: AgentOptions<C>,
): Promise<Agent<C>> {
  const paths = parsePaths(options.paths)
  const settings = parseMemberOptions(paths === 'relay' ? { ...options, listen: [] } : options)
  const log = options.log ?? createLogger('agent-mesh')
  const parts: { reachable?: Reachable } = {}
  const keep: NonNullable<MemberInit['transport']>['keep'] = link =>
    parts.reachable?.keeps(link.peer.peerId) ?? false
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  const clock = options.clock === undefined ? {} : { clock: options.clock }
  const restProbes: MemberInit['restProbes'] = {
    paceMs: ({ peer }, active) => parts.reachable?.restProbeMs(peer.peerId, active),
    jointly: true,
  }
  const member = await openMember({
    role: 'agent',
    settings,
    log,
    transport: { keep },
    restProbes,
    upgrades: paths !== 'relay',
    ...signal,
    ...clock,
  })
  const onRequest = member.serving.dispatcher.handlerFor(member.credential.claims)
  const self = localCallee(onRequest, member.serving)
  const lan =
    paths === 'relay' ? undefined : lanOf(member, settings, peerId => parts.reachable?.keeps(peerId) ?? false)
  const near = lan === undefined ? {} : { lan: (peerId: string) => lan.addrsOf(peerId) }
  const targets = new Targets({ member, paths, self, ...near })
  const reachable = (parts.reachable = new Reachable({ member, targets, lan }))
  await reachable.start(options.signal)
  return new Agent({ member, targets, reachable, self, contracts: options.contracts })
}

function lanOf(
  member: Member,
  { mdns }: MemberSettings,
  watches: (peerId: string) => boolean,
): Lan | undefined {
  if (mdns === false) return undefined
  return new Lan({ member, watches, interfaces: networkInterfaces, options: mdns === true ? {} : mdns })
}
