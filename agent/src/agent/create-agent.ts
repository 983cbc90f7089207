/** Starts an agent: all of it or nothing. */
import { networkInterfaces } from 'node:os'
import { MeshError, parse } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { createLogger, type Logger } from '../observe/logger.ts'
import { OtelTracing } from '../observe/otel-tracing.ts'
import {
  checkContracts,
  localCallee,
  type BalancePolicy,
  type Contracts,
  type ResilienceOptions,
} from '../services/index.ts'
import { loadDefaults } from '../services/serve/defaults.ts'
import { Agent } from './agent.ts'
import { observedBalancer, parseBalancing } from './balancing.ts'
import { cacheOf, parseCache, type CacheOption } from './cache-option.ts'
import { Lan } from './lan.ts'
import { openMember, type Member } from '../member/member.ts'
import {
  parseMemberOptions,
  parsePaths,
  throwIfCancelled,
  type MemberSettings,
  type PathChoice,
  type StartOptions,
} from '../member/options.ts'
import { placedSettings } from '../member/placed-settings.ts'
import { refuseEnded } from '../member/revocations.ts'
import { memberTopics } from './member-topics.ts'
import { Pipes } from './pipes.ts'
import { ServedPipes } from './served-pipes.ts'
import { Reachable } from './reachable.ts'
import { reportHealth } from './report-health.ts'
import { superviseReach } from './supervise-reach.ts'
import { Targets } from './targets.ts'
import { observedTuning } from './observed-tuning.ts'
import { parseUsedRelays } from './used-relays.ts'
import { parseTuning, type TuningOption } from '../tuning/settings.ts'

export interface AgentOptions<C extends Contracts = readonly []> extends StartOptions {
  /** Contracts of services it calls: their calls are checked and typed. */
  contracts?: C
  /** `relay`: listens nowhere and dials relays only. @default 'any' */
  paths?: PathChoice
  /** Names or peer ids of the relays that it uses: as its home and standby, and for its own calls through a relay. @default all */
  relays?: readonly string[]
  /** How a provider is chosen among those of equal standing. @default 'p2c' */
  balance?: BalancePolicy
  /** Breakers, calls at a time, hedging; false: none of it. @default on, see {@link ResilienceOptions} */
  resilience?: ResilienceOptions | false
  /** Room for the answers of methods whose contract has a `cache`; false: none is kept. @default 64 MiB */
  cache?: CacheOption
  /** `auto`: its calls are spans of OpenTelemetry if the program has set that up. @default 'auto' */
  tracing?: 'auto' | false
  /** Settings that it tunes by what its calls show; false: none; `{ hedgeDelay: 20 }`: all but the pinned ones. @default true */
  tuning?: TuningOption
  /** The load that it reports is a mean over so long, ms, 1,000 or more. @default 60,000 */
  loadWindowMs?: number
}

const loadWindowField = z._default(
  z.number().check(z.minimum(1_000), z.maximum(3_600_000)),
  loadDefaults.windowMs,
)

/** Those that agents add to the options of all members. */
const agentOptionNames = [
  'contracts',
  'paths',
  'relays',
  'balance',
  'resilience',
  'cache',
  'tracing',
  'tuning',
  'loadWindowMs',
]

/**
 * Starts an agent; the first start needs a join token. Resolves when it is enrolled, listens and knows the members;
 * relays are found from then on. When it rejects, nothing is left running or open.
 * @throws MeshError invalid_argument, also for an option that there is not; conflict while another process owns the data
 * folder; token_invalid, unauthenticated, revoked when its membership ended, permission_denied without the role `agent`, unavailable; cancelled when
 * `signal` aborts
 */
export async function createAgent<const C extends Contracts = readonly []>(
  options: AgentOptions<C>,
): Promise<Agent<C>> {
  const given = parseMemberOptions(options, agentOptionNames)
  checkContracts(options.contracts, 'start')
  const paths = parsePaths(options.paths)
  const usesRelay = parseUsedRelays(options.relays)
  const balancing = parseBalancing(options)
  const cacheSettings = parseCache(options.cache)
  const loadWindowMs = parse(loadWindowField, options.loadWindowMs, 'start: loadWindowMs')
  const tuningSettings = parseTuning(options.tuning)
  const log = options.log ?? createLogger('agent-mesh', 'warn')
  const tracing = tracingOf(options.tracing, log)
  const settings = await placedSettings(given, { signal: options.signal })
  throwIfCancelled(options.signal)
  const member = await openMember({
    role: 'agent',
    settings: paths === 'relay' ? { ...settings, listen: [] } : settings,
    folder: options.folder,
    log,
    tracing,
    shed: balancing.resilience.shed,
    upgrades: paths !== 'relay',
    signal: options.signal,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
  })
  const undo = [() => member.stop()]
  try {
    const lan = paths === 'relay' ? undefined : lanOf(member, settings)
    const near = lan === undefined ? {} : { lan: (peerId: string) => lan.addrsOf(peerId) }
    const onRequest = member.serving.dispatcher.handlerForCurrent(() => member.credential.claims)
    const served = new ServedPipes(member, tracing)
    const self = localCallee(onRequest, { ...member.serving, bodies: served.bodiesToItself() })
    const { region, zone } = settings
    const targets = new Targets({ member, paths, self, region, zone, usesRelay, ...near })
    const pipes = new Pipes({ member, targets, served, tracing })
    await served.start()
    const reachable = new Reachable({ member, targets, lan, region, usesRelay })
    undo.unshift(() => reachable.stop())
    superviseReach(member, reachable)
    reportHealth({ member, reachable, loadWindowMs })
    const tuning = observedTuning(member, tuningSettings)
    const topics = await memberTopics(member, reachable, targets, tracing)
    undo.unshift(() => topics.stop())
    const cache = cacheOf(member, cacheSettings, tuning.wakeFor('cacheSize', 'cacheAdmission'))
    const calls = { balancing, balanced: observedBalancer(balancing, member), cache, tracing, tuning }
    const shared = { served, pipes, topics, contracts: options.contracts, ...calls }
    const agent = new Agent({ member, targets, reachable, self, ...shared })
    await tracing?.start()
    await member.start(options.signal)
    const { asked } = await reachable.start(options.signal)
    await refuseEnded(member, { asked, limitMs: settings.answer })
    throwIfCancelled(options.signal)
    // The program calls `serve` in the turn in which it gets the agent.
    setImmediate(() => member.serving.opening.open())
    return agent
  } catch (error) {
    for (const stop of undo) await stop()
    throw error
  }
}

/** @throws MeshError invalid_argument */
function tracingOf(option: unknown, log: Logger): OtelTracing | undefined {
  if (option === false) return undefined
  if (option === undefined || option === 'auto')
    return new OtelTracing(err =>
      log.warn({ event: 'otel-not-loaded', err }, 'OpenTelemetry is set up and its API cannot be loaded'),
    )
  throw new MeshError('invalid_argument', `Cannot start: tracing is ${String(option)}`, {
    hint: "Use 'auto' or false.",
  })
}

function lanOf(member: Member, { mdns }: MemberSettings): Lan | undefined {
  if (mdns === false) return undefined
  return new Lan({ member, interfaces: networkInterfaces, options: mdns === true ? {} : mdns })
}
