/** What every member does on a link: serve its services to the members that the policy allows. */
import { pipeProtocol, reasonOf, version, type Subject } from '@agent-mesh/protocol'
import { linkFeatures } from '@agent-mesh/protocol/wire/index'
import type { Identity } from '../identity/index.ts'
import type { HeadKeeper } from '../membership/head-keeper.ts'
import type { Logger } from '../observe/logger.ts'
import type { MemberMetrics } from '../observe/member-metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { servingMetrics, type ServingMetrics } from '../observe/serving-metrics.ts'
import {
  BodyExchange,
  ByteBudget,
  type BodyCarrier,
  OutgoingTransfers,
  processHeldBytes,
  processStreamBytes,
  systemWheelClock,
  TimerWheel,
  type TurnMetrics,
  TurnQueue,
  type TurnOptions,
} from '../rpc/index.ts'
import {
  describeServices,
  Dispatcher,
  type Authorize,
  type HandlerFailure,
  hostHandlers,
  type HostInfoInit,
  hostService,
  MethodLimiter,
  notServed,
  Opening,
  ServiceLoad,
  ServiceRegistry,
  type ShedSettings,
} from '../services/index.ts'
import { allowedBy, authorizeBy, callsAllowedBy } from './authorize.ts'
import { toldTo, type MemberAudit } from './member-audit.ts'
import { policyAndOwner } from './owners-list.ts'
import { RpcSessions } from '../paths/rpc-sessions.ts'
import type { MemberSettings } from './options.ts'
import type { Link } from '../transport/links/link.ts'

type Action = Parameters<Authorize>[0]['action']

export interface Serving {
  readonly registry: ServiceRegistry
  readonly dispatcher: Dispatcher
  /** What the policy, and the owner of this machine, let members do here: asked for each call, and to be asked for each topic. */
  readonly authorize: Authorize
  /** Whether the policy lets a member call a target like `service:math.add`, or do another action; a denial is not on record. */
  readonly allows: (from: Subject, target: string, action?: Action) => boolean
  /** Ends when the program of an agent has said what it serves; of a relay it has ended. */
  readonly opening: Opening
  /** How many handlers run at once. */
  readonly limiter: MethodLimiter
  /** How saturated its services are; measured only while something calls its `look`. */
  readonly load: ServiceLoad
  /** What the services here offer to a caller. */
  readonly describe: HostInfoInit['describe']
  readonly sessions: RpcSessions
  /** Deadlines of all calls of the process. */
  readonly wheel: TimerWheel
  /** When handlers run, of all calls of the process. */
  readonly turns: TurnQueue
  /** Bytes that wait in memory, of all calls of the process. */
  readonly budget: ByteBudget
  /** Bodies over the limit of a frame. */
  readonly bodies: BodyExchange
  /** Files and streams that are offered to other members. */
  readonly transfers: OutgoingTransfers
}

export interface ServingInit {
  head: HeadKeeper
  metrics: MemberMetrics
  tracing: Tracing | undefined
  identity: Pick<Identity, 'peerId'>
  /** Agents serve pipes, over which files and bodies over the limit of a frame travel. */
  role: 'agent' | 'relay'
  /** What it refuses when it is short of processor time. @default {@link turnDefaults} */
  shed: ShedSettings | false | undefined
  /** With `metered` its links ask others to probe it seldom. */
  preset: MemberSettings['preset']
  /** Name of this member, as the mesh knows it now. */
  name: () => string
  /** Has on record what the policy does not grant, and what AI assistants call. */
  audit: Pick<MemberAudit, 'denied' | 'toolCalled'>
  /** Gets the errors of handlers whose text their callers do not receive. */
  log: Logger
  /** A listener failed. */
  onError: (error: unknown) => void
}

export function serving(init: ServingInit): Serving {
  const { head, metrics, tracing, identity, role, name, preset, audit, log, onError } = init
  const wheel = new TimerWheel(systemWheelClock)
  const now = () => wheel.now()
  const { turns, limiter, registry, load } = admission(init, wheel)
  const budget = new ByteBudget(processHeldBytes)
  const judge = authorizeBy(head)
  const authorize = toldTo(judge, audit)
  const allows = allowedBy(policyAndOwner(judge))
  const known = { registry, allows: callsAllowedBy(allows) }
  const onUntold = (what: string, cause: unknown) =>
    log.warn({ event: 'service-not-described', reason: reasonOf(cause) }, `cannot describe ${what}`)
  const describe = describeServices({ ...known, onUntold })
  const transfers = new OutgoingTransfers(identity.peerId)
  const opening = new Opening()
  if (role === 'relay') opening.open()
  const dispatcher = new Dispatcher({
    registry,
    authorize,
    limiter,
    notServed: notServed({ ...known, self: name }),
    opening,
    onFailure: failure => logFailure(log, failure),
    metrics,
    tracing,
    transfers: role === 'agent' ? transfers : undefined,
    now,
  })
  const bodies = new BodyExchange()
  const sessions = new RpcSessions({
    ...{ wheel, turns, budget },
    streamBudget: new ByteBudget(processStreamBytes),
    bodies: role === 'agent' ? link => carrierOver(link, bodies) : undefined,
    handlerFor: caller => dispatcher.handlerFor(caller),
    features: preset === 'metered' ? linkFeatures.metered : 0,
    onError,
  })
  return {
    registry,
    dispatcher,
    opening,
    authorize,
    allows,
    limiter,
    load,
    describe,
    sessions,
    wheel,
    turns,
    budget,
    bodies,
    transfers,
  }
}

/** What decides when a call runs and how many do, and how much of that is used. */
function admission(
  { metrics, shed, onError }: Pick<ServingInit, 'metrics' | 'shed' | 'onError'>,
  wheel: TimerWheel,
): Pick<Serving, 'turns' | 'limiter' | 'registry' | 'load'> {
  const observed: ServingMetrics = servingMetrics(metrics.registry, {
    waiting: () => turns.size,
    limits: () => limiter.limits(),
    saturations: () => load.reports().map(({ service, saturation }) => [service, saturation] as const),
  })
  const turning = turnsOf(shed)
  const turns: TurnQueue = new TurnQueue(
    wheel,
    turning,
    bothOf(observed, () => load),
  )
  const limiter: MethodLimiter = new MethodLimiter({
    now: () => wheel.now(),
    onRefused: () => observed.turnRefused('limit'),
    onShed: () => observed.turnRefused('memory'),
  })
  const registry = new ServiceRegistry(onError)
  const load: ServiceLoad = new ServiceLoad({ registry, limiter, mostWaitMs: turning.mostWaitMs })
  registry.onChange(() => limiter.keep(served => registry.has(served)))
  return { turns, limiter, registry, load }
}

/** Waits and refusals go to the metrics and to the load. */
const bothOf = (observed: ServingMetrics, load: () => ServiceLoad): TurnMetrics => ({
  turnWaited: ms => {
    observed.turnWaited(ms)
    load().turnWaited(ms)
  },
  turnRefused: reason => {
    observed.turnRefused(reason)
    load().turnRefused(reason)
  },
})

const patient: Partial<TurnOptions> = { mostWaitMs: Infinity, standingWaitMs: Infinity }

function turnsOf(shed: ServingInit['shed']): Partial<TurnOptions> {
  if (shed === false) return patient
  return shed === undefined
    ? {}
    : { turnMs: shed.turnMs, mostWaitMs: shed.waitMs, standingWaitMs: shed.waitMs / 2 }
}

const carrierOver = (link: Link, bodies: BodyExchange): BodyCarrier =>
  bodies.carrier(link.peer.peerId, options => link.openDuplex(pipeProtocol, options))

/** Callers receive the id of a failure only; the log has the rest. */
const logFailure = (log: Logger, { failure, method, caller, app, thrown }: HandlerFailure): void =>
  log.error(
    { event: 'handler-failed', err: thrown, failure, method, caller: caller.name, app },
    'a handler failed',
  )

/** They answer when nothing else does: they are how a member that has no room is examined. */
const examined = { concurrency: 'unlimited' } as const

/** Serves what every member serves. @param host the data folder, for the free space of its disk, and the paths to members */
export function serveHost(
  { registry, describe }: Pick<Serving, 'registry' | 'describe'>,
  host: Pick<HostInfoInit, 'diskPath' | 'pathTo'>,
): void {
  registry.serve(hostService, hostHandlers({ version, ...host, describe }), examined)
}
