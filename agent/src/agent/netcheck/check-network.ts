/** Measures the network of this host for `netcheck`: all at once, within a few seconds, whether or not an agent runs. */
import { MeshError, reasonOf, verifyHead, type RelayEntry } from '@agent-mesh/protocol'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import { controlPlaneClient } from '../../discovery/control-plane-client.ts'
import {
  natMapping,
  outward,
  partsOf,
  Proxy,
  reach,
  scopeOf,
  StunProbe,
  type Interfaces,
  type ProxyOptions,
  type StunServerAddress,
} from '../../transport/index.ts'
import { netcheckDefaults } from './defaults.ts'
import type { Measured, NetworkFacts, RelayFacts, UdpFacts } from './network-facts.ts'

export interface NetworkCheckInit {
  /** Without it the control plane is not checked. With a mesh id its relays are verified. */
  controlPlane?: { url: string; meshId?: string | undefined } | undefined
  /** As the head on disk lists them; empty: the control plane is asked. */
  relays: readonly RelayEntry[]
  proxy?: ProxyOptions | undefined
  interfaces: Interfaces
  /** What is being done, for progress. */
  say?: (text: string) => void
  signal: AbortSignal
}

/** Never fails because of the network. @throws MeshError invalid_argument for a proxy URL that is none, cancelled */
export async function checkNetwork(init: NetworkCheckInit): Promise<NetworkFacts> {
  const { interfaces, say = () => {}, signal } = init
  const startedAt = performance.now()
  const proxy = init.proxy === undefined ? undefined : new Proxy(init.proxy)
  say('Asking the control plane')
  const asking = askControlPlane(init)
  const relays = init.relays.length > 0 ? init.relays : (await asking).relays
  const some = relays.slice(0, netcheckDefaults.relays)
  say(`Measuring ${some.length} relays`)
  const [asked, measured, udp4, udp6] = await Promise.all([
    asking,
    Promise.all(some.map(relay => measureRelay(relay, proxy, signal))),
    measureUdp('udp4', some, interfaces, signal),
    measureUdp('udp6', some, interfaces, signal),
  ])
  signal.throwIfAborted()
  const own = outward(interfaces).filter(({ address }) => scopeOf(address) !== 'none')
  for (const relay of measured)
    relay.stun = [...udp4.answers, ...udp6.answers].filter(({ relayId }) => relayId === relay.peerId)
  return {
    addresses: own.map(({ address }) => address),
    ip4: own.some(({ family }) => family === 'IPv4'),
    ip6: own.some(({ family }) => family === 'IPv6'),
    ...(proxy === undefined ? {} : { proxy: proxy.name }),
    ...(asked.facts === undefined ? {} : { controlPlane: asked.facts }),
    relays: measured.sort((a, b) => fastest(a) - fastest(b)),
    udp4: udp4.facts,
    udp6: udp6.facts,
    ms: performance.now() - startedAt,
  }
}

/** Milliseconds of the best way to a relay; infinite without one. */
export const fastest = ({ addrs }: Pick<RelayFacts, 'addrs'>): number =>
  Math.min(Infinity, ...addrs.flatMap(addr => (addr.ok ? [addr.ms] : [])))

/** Runs with a time limit of its own. */
async function measure(
  signal: AbortSignal,
  ms: number,
  work: (limited: AbortSignal) => Promise<number>,
): Promise<Measured> {
  const limit = timeoutSignal(ms)
  try {
    return { ok: true, ms: await work(AbortSignal.any([signal, limit])) }
  } catch (thrown) {
    const error = limit.aborted ? `no answer in ${ms / 1000} s` : reasonOf(thrown)
    return { ok: false, error }
  }
}

interface LearntFromPlane {
  facts?: NonNullable<NetworkFacts['controlPlane']>
  relays: readonly RelayEntry[]
}

async function askControlPlane({ controlPlane, proxy, signal }: NetworkCheckInit): Promise<LearntFromPlane> {
  if (controlPlane === undefined) return { relays: [] }
  const { url, meshId } = controlPlane
  const client = controlPlaneClient({ url, meshId: meshId ?? '', proxy })
  let relays: readonly RelayEntry[] = []
  const measured = await measure(signal, netcheckDefaults.askMs, async limited => {
    const startedAt = performance.now()
    const reply = await client.bootstrap({}, limited)
    const ms = performance.now() - startedAt
    if (meshId !== undefined && reply.meshId !== meshId)
      throw new MeshError('unauthenticated', `Cannot use ${url}: it serves another mesh`)
    relays = (await verifyHead(reply.meshId, reply.head)).relays
    return ms
  })
  return { facts: { url, ...measured }, relays }
}

async function measureRelay(
  relay: RelayEntry,
  proxy: Proxy | undefined,
  signal: AbortSignal,
): Promise<RelayFacts> {
  const { peerId, name, region } = relay
  const dialled = relay.addrs.filter(addr => partsOf(addr) !== undefined)
  const addrs = await Promise.all(
    dialled.map(async addr => ({
      addr,
      ...(await measure(signal, netcheckDefaults.reachMs, limited =>
        reach(addr, { proxy, signal: limited }),
      )),
    })),
  )
  return { peerId, name, ...(region === undefined ? {} : { region }), addrs, stun: [] }
}

const stunShape = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/udp\/(\d{1,5})$/

/** STUN servers of relays that a family can reach. */
function stunServers(relays: readonly RelayEntry[], type: 'udp4' | 'udp6') {
  const kinds = type === 'udp4' ? ['ip4', 'dns', 'dns4'] : ['ip6', 'dns6']
  return relays
    .flatMap(({ peerId, addrs }) =>
      addrs.flatMap(addr => {
        const [, kind = '', host = '', port = ''] = stunShape.exec(addr) ?? []
        const server: StunServerAddress = { host, port: Number(port) }
        return kinds.includes(kind) ? [{ relayId: peerId, addr, server }] : []
      }),
    )
    .slice(0, netcheckDefaults.stunServers)
}

type StunAnswered = RelayFacts['stun'][number] & { relayId: string }

/** Asks all servers from one socket: differences between their answers are caused by the NAT. */
async function measureUdp(
  type: 'udp4' | 'udp6',
  relays: readonly RelayEntry[],
  interfaces: Interfaces,
  signal: AbortSignal,
): Promise<{ facts: UdpFacts; answers: StunAnswered[] }> {
  const servers = stunServers(relays, type)
  const none: UdpFacts = { asked: servers.length, answered: 0, mapping: 'blocked' }
  if (servers.length === 0) return { facts: { ...none, mapping: 'unknown' }, answers: [] }
  const probe = await StunProbe.open(type).catch(() => undefined)
  if (probe === undefined) return { facts: none, answers: [] }
  try {
    const seen: Parameters<typeof natMapping>[0][number][] = []
    const answers = await Promise.all(
      servers.map(async ({ relayId, addr, server }): Promise<StunAnswered> => {
        try {
          const { mapped, rttMs } = await probe.ask(server, { signal, timeoutMs: netcheckDefaults.reachMs })
          seen.push({ server: `${server.host}:${server.port}`, mapped })
          return { relayId, addr, ok: true, ms: rttMs, mapped: `${mapped.host}:${mapped.port}` }
        } catch (error) {
          return { relayId, addr, ok: false, error: reasonOf(error) }
        }
      }),
    )
    const hosts = Object.values(interfaces).flatMap(list => (list ?? []).map(({ address }) => address))
    const mapping = natMapping(seen, hosts)
    const [first] = seen
    const agreed = first !== undefined && mapping !== 'symmetric'
    const mapped = agreed ? { mapped: `${first.mapped.host}:${first.mapped.port}` } : {}
    return { facts: { ...none, answered: seen.length, mapping, ...mapped }, answers }
  } finally {
    await probe.close()
  }
}
