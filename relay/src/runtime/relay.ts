/**
 * A relay: a long-lived member with a public address. It carries circuits for members, is home of agents and reports to the
 * control plane and to them which agents are online.
 */
import { MemberFacade, type Member } from '@agent-mesh/agent'
import { FailureDetection } from '@agent-mesh/agent/member/failure-detection'
import { observeTopics } from '@agent-mesh/agent/observe/topic-metrics'
import { mapProtocol, MeshError, topicProtocol, version } from '@agent-mesh/protocol'
import { startTimer } from '@agent-mesh/protocol/timers'
import type { CircuitServer } from '../circuit/index.ts'
import { relayDefaults } from '../defaults.ts'
import { MapMirror, type MapMirrorInit } from '../map/map-mirror.ts'
import { MapServer, type MapServerInit } from '../map/map-server.ts'
import { Neighbours } from '../neighbours/neighbours.ts'
import { HomedAgents } from '../presence/homed-agents.ts'
import { HomedHealth } from '../presence/homed-health.ts'
import { PresenceReporter } from '../presence/presence-reporter.ts'
import type { StunServer } from '../stun/stun-server.ts'
import { LazyRelayTopics } from '../topics/relay-topics.ts'
import { homeMetrics } from './home-metrics.ts'
import { trafficMetrics } from './traffic-metrics.ts'

export interface RelayParts {
  member: Member
  circuit: CircuitServer
  stun: StunServer | undefined
  pollMs: number | undefined
  reportLoadMs: number | undefined
  mapBeatMs: number | undefined
  watchSilenceMs: number | undefined
}

export class Relay extends MemberFacade {
  readonly #circuit: CircuitServer
  readonly #homed: HomedAgents
  readonly #mirror: MapMirror
  readonly #mapServer: MapServer
  readonly #neighbours: Neighbours
  readonly #reporter: PresenceReporter
  readonly #detection: FailureDetection
  readonly #stun: StunServer | undefined
  readonly #topics: LazyRelayTopics

  constructor({
    member,
    circuit,
    stun,
    pollMs = relayDefaults.pollMs,
    reportLoadMs = relayDefaults.reportLoadMs,
    mapBeatMs,
    watchSilenceMs,
  }: RelayParts) {
    super('relay', member)
    const { client, head, log, identity } = member
    this.#circuit = circuit
    this.#stun = stun
    this.#homed = new HomedAgents({ self: identity.peerId, places: circuit.gate })
    this.#mirror = mirrorOf(member, { pollMs, silenceMs: watchSilenceMs })
    const health = homedHealth(this.#homed, member)
    const { transport, serving } = member
    this.#mapServer = mapServerOf(member, { homed: this.#homed, health, beatMs: mapBeatMs })
    this.#neighbours = new Neighbours({
      self: identity.peerId,
      head,
      transport,
      ping: link => serving.sessions.of(link).ping(),
      log,
    })
    const { region } = member.credential.claims
    this.#reporter = new PresenceReporter({
      client,
      homed: this.#homed,
      load: () => this.#load(),
      health: () => ({
        ready: !circuit.gate.draining,
        version,
        latency: this.#neighbours.latency(),
        ...(region === undefined ? {} : { region }),
      }),
      onNumbers: numbers => this.#mirror.heard(numbers),
      agents: health,
      isRevoked: () => member.revocations.own,
      pauses: { ...relayDefaults, reportLoadMs },
      log,
    })
    this.#topics = relayTopics(member)
    this.#neighbours.onLatency(() => this.#reporter.reportSoon())
    this.#detection = relayDetection(member, this.#neighbours)
    transport.links.onDoubt(({ peer: { peerId } }) => {
      if (!this.#detection.takesPart(peerId))
        this.#homed.setSilent(peerId, transport.links.best(peerId) === undefined)
    })
    member.verdicts.onChange(peerId => this.#homed.setSilent(peerId, this.#detection.isDead(peerId)))
    transport.links.keepWhen(({ peer }) => this.#neighbours.keeps(peer.peerId))
    member.pathWatch.probeAtRest(link => {
      const { peerId } = link.peer
      if (!this.#homed.has(peerId) || this.#detection.takesPart(peerId)) return undefined
      return relayDefaults.agentProbeMs
    })
    const lease = member.presence.from(identity.peerId)
    this.#homed.onChange(change => lease.tell({ full: false, ...change }))
  }

  /** Where members reach it. */
  get addresses(): readonly string[] {
    return this.member.publisher.record.addrs
  }

  /** @returns when the control plane answered for the first time, or did not */
  async start(): Promise<{ asked: Promise<void> }> {
    const { transport, metrics } = this.member
    await transport.handle(mapProtocol, (stream, link) => this.#mapServer.serve(stream, link))
    await transport.handle(topicProtocol, this.#topics.serve)
    homeMetrics(metrics, {
      homed: () => this.#homed.size,
      subscribers: () => this.#mapServer.subscribers,
      watching: () => this.#mirror.watching,
      carried: () => ({
        reservations: this.#circuit.reservations().length,
        circuits: this.#circuit.circuits(),
        homed: this.#homed.size,
        limits: this.#circuit.limits,
      }),
    })
    trafficMetrics(metrics, this.#circuit, this.#stun)
    const asked = Promise.race([this.#mirror.start(), this.member.revocations.ended()])
    this.#neighbours.start()
    this.#reporter.start()
    return { asked }
  }

  /** Round trip to a member that has a link to this relay. @throws MeshError not_found, unavailable */
  async ping(peer: string, { timeout = 5_000 }: { timeout?: number } = {}) {
    this.mustRun(`ping ${peer}`)
    const { map, transport, serving } = this.member
    const known = map.find(peer)
    if (known === undefined)
      throw new MeshError('not_found', `Cannot ping ${peer}: no member has this name or peer id`, {
        hint: 'List the members with "agent-mesh peers".',
      })
    const link = transport.links.best(known.peerId)
    if (link === undefined)
      throw new MeshError(
        'unavailable',
        `Cannot ping ${peer}: it has no link to this relay, and relays dial no agents`,
      )
    const rttMs = await serving.sessions.of(link).ping(timeout)
    return { peerId: known.peerId, name: known.name, path: link.path, rttMs }
  }

  protected reachability() {
    const warnings = this.#mirror.watching
      ? []
      : ['the control plane pushes no changes: the map is polled each minute']
    return { relays: [], warnings }
  }

  /** Its agents move to other relays; resolves when no circuit is left and the links are closed, or the time is over. */
  protected async drain(drainMs: number): Promise<void> {
    const { log } = this.member
    const said = this.#detection.leave()
    log.info(
      { event: 'relay-stopping', circuits: this.#circuit.circuits() },
      'stopping: agents move to other relays',
    )
    this.#circuit.gate.drain()
    // The other relays refuse no link, and this one retires each at once.
    const parted = this.#neighbours.stop()
    this.#reporter.reportNow()
    const late = startTimer(drainMs, () => {
      const circuits = this.#circuit.circuits()
      if (circuits > 0)
        log.warn(
          { event: 'circuits-cut', circuits },
          'circuits end with work on them: they did not move in time',
        )
    })
    await Promise.all([said, parted, this.depart(drainMs)])
    late.cancel()
  }

  protected async close(): Promise<void> {
    const stopped = [this.#mirror.stop(), this.#reporter.stop()]
    await Promise.all([...stopped, this.#detection.stop()])
    this.#mapServer.stop()
    await this.#topics.stop()
    await this.#stun?.stop()
  }

  #load() {
    const { gate } = this.#circuit
    return {
      agents: this.#homed.size,
      reservations: this.#circuit.reservations().length,
      visitors: gate.visitors,
    }
  }
}

/** A relay watches the agents that name it as home or standby, and other relays; agents it does not dial. */
function relayDetection(member: Member, neighbours: Neighbours): FailureDetection {
  const { map, transport, identity } = member
  return new FailureDetection({
    member,
    ownRelays: () => [],
    isHomed: () => true,
    homed: () =>
      transport.links
        .peers()
        .filter(peerId => map.get(peerId)?.record.homeRelays.includes(identity.peerId) === true),
    linkTo: (peerId, signal) => neighbours.connect(peerId, signal),
  })
}

/** The copy of head and map; a watch that was silent is on record. */
function mirrorOf(
  { client, head, map, log, health }: Member,
  pauses: Pick<MapMirrorInit, 'pollMs' | 'silenceMs'>,
): MapMirror {
  const onSilent = () =>
    health.recovery.acted('watch-reopened', 'connected to the control plane anew: it was silent')
  return new MapMirror({ client, head, map, log, ...pauses, onSilent })
}

const mapServerOf = (
  { head, map, store, log }: Member,
  own: Pick<MapServerInit, 'homed' | 'health' | 'beatMs'>,
): MapServer => new MapServer({ head, map, store, log, ...own })

/** The sum of what the agents homed at a relay report. */
function homedHealth(homed: HomedAgents, { map }: Pick<Member, 'map'>): HomedHealth {
  const member = (peerId: string) => {
    const known = map.get(peerId)
    return known && { name: known.name, services: known.record.services }
  }
  return new HomedHealth({ peers: () => homed.peers(), member })
}

/** Topics of the agents homed at a relay. */
function relayTopics(member: Member): LazyRelayTopics {
  const { identity, controlPlane, transport, head, serving, clock, metrics, log } = member
  const observed = observeTopics(metrics.registry)
  return new LazyRelayTopics({
    ...{ self: identity.peerId, mesh: controlPlane.meshId, transport, log },
    isRelay: peerId => head.current.relays.some(relay => relay.peerId === peerId),
    hub: {
      authorize: serving.authorize,
      allows: (from, action, to) => serving.allows(from, to, action),
      now: () => clock.now(),
      onLost: count => observed('lost', count),
    },
  })
}
