/** What every member can do on a link: serve its services to whom the policy allows. */
import { version, type PathReport, type Subject } from '@agent-mesh/protocol'
import type { HeadKeeper } from '../membership/head-keeper.ts'
import type { MemberMetrics } from '../observe/member-metrics.ts'
import { servingMetrics, type ServingMetrics } from '../observe/serving-metrics.ts'
import { ByteBudget, processHeldBytes, systemWheelClock, TimerWheel, TurnQueue } from '../rpc/index.ts'
import {
  describeServices,
  Dispatcher,
  type Authorize,
  hostHandlers,
  hostService,
  MethodLimiter,
  notServed,
  ServiceRegistry,
} from '../services/index.ts'
import { authorizeBy } from './authorize.ts'
import { toldOfDenials } from './member-audit.ts'
import { RpcSessions } from '../paths/rpc-sessions.ts'

export interface Serving {
  readonly registry: ServiceRegistry
  readonly dispatcher: Dispatcher
  /** What the policy lets members do here: asked for each call, and to be asked for each topic. */
  readonly authorize: Authorize
  readonly sessions: RpcSessions
  /** Deadlines of all calls of the process. */
  readonly wheel: TimerWheel
  /** When handlers run, of all calls of the process. */
  readonly turns: TurnQueue
  /** Bytes that wait in memory, of all calls of the process. */
  readonly budget: ByteBudget
}

export interface ServingInit {
  head: HeadKeeper
  metrics: MemberMetrics
  /** Data folder, whose disk `host.info` tells of. */
  data: string
  /** Name of this member, as the mesh knows it now. */
  name: () => string
  /** @throws MeshError not_found */
  pathTo: (member: string) => PathReport
  /** The policy does not grant what somebody asked for. */
  onDenied: (question: Parameters<Authorize>[0]) => void
  /** What is served changed. */
  onChange: () => void
}

export function serving(init: ServingInit): Serving {
  const { head, metrics, data, name, pathTo, onDenied, onChange } = init
  const wheel = new TimerWheel(systemWheelClock)
  const now = () => systemWheelClock.now()
  const observed: ServingMetrics = servingMetrics(metrics.registry, {
    waiting: () => turns.size,
    limits: () => limiter.limits(),
  })
  const turns: TurnQueue = new TurnQueue(wheel, {}, observed)
  const limiter: MethodLimiter = new MethodLimiter({ now, onRefused: () => observed.turnRefused('limit') })
  const budget = new ByteBudget(processHeldBytes)
  const registry = new ServiceRegistry(onChange)
  const judge = authorizeBy(head)
  const authorize = toldOfDenials(judge, onDenied)
  const known = { registry, allows: allowedBy(judge) }
  const describe = describeServices(known)
  registry.serve(hostService, hostHandlers({ version, diskPath: data, pathTo, describe }))
  const dispatcher = new Dispatcher({
    registry,
    authorize,
    limiter,
    notServed: notServed({ ...known, self: name }),
    metrics,
    now,
  })
  const sessions = new RpcSessions({
    wheel,
    turns,
    budget,
    handlerFor: caller => dispatcher.handlerFor(caller),
  })
  return { registry, dispatcher, authorize, sessions, wheel, turns, budget }
}

/** Asks the policy about a call without a denial on record. */
const allowedBy =
  (judge: Authorize) =>
  (from: Subject, to: string): boolean => {
    try {
      judge({ from, action: 'call', to })
      return true
    } catch {
      return false
    }
  }
