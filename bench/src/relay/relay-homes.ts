/** What the return of all its agents costs a relay beside their handshakes: home claims, presence and the map, to each of them. */
import {
  createLogger,
  encodeMessage,
  headKeeper,
  openMemberStore,
  openMeshMap,
  systemClock,
  type ByteStream,
  type Link,
} from '@agent-mesh/agent'
import { signHomeClaim } from '@agent-mesh/protocol'
import { HomedAgents, MapServer } from '@agent-mesh/relay'
import { setTimeout as wait } from 'node:timers/promises'
import { TestMesh, testKey } from '../../../test/support/mesh-fixture.ts'
import type { Bench } from '../bench.ts'

const agents = 1_000
/** Agents that arrive in a second: two cores make as many handshakes. */
const arrivalsPerSecond = 100
const turnMs = 50
/** Agents that arrive alone while all others are there. */
const lone = 20
/** ms of CPU that an arrival may cost; more fails the bench. */
const mostMs = 2
/** ms between two of them: more than a relay gathers changes for. */
const loneMs = 400

interface Arrival {
  peerId: string
  home: string
}

/** An agent's stream: its requests are read by the relay, what it is sent is counted. */
class Stream implements ByteStream {
  messages = 0
  bytes = 0
  readonly writable = true
  #receive: (bytes: Uint8Array) => void = () => {}

  send(chunk: Uint8Array): boolean {
    this.messages++
    this.bytes += chunk.byteLength
    return true
  }

  onData(callback: (bytes: Uint8Array) => void): void {
    this.#receive = callback
  }

  request(message: object): void {
    this.#receive(encodeMessage(message))
  }

  pause(): void {}
  resume(): void {}
  onDrain(): void {}
  onClose(): void {}
  close(): void {}
  abort(error: Error): void {
    throw error
  }
}

async function arrivals(relay: string): Promise<Arrival[]> {
  const all: Arrival[] = []
  for (let i = 0; i < agents; i++) {
    const { kid, signer } = await testKey()
    all.push({ peerId: kid, home: await signHomeClaim(signer, { relay, homeSeq: 1 }) })
  }
  return all
}

const cpuMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1_000
}

async function openServer() {
  const log = createLogger('bench', 'error')
  const documents = await TestMesh.create()
  const store = openMemberStore(':memory:')
  const head = await headKeeper({ meshId: documents.meshId, store, log })
  await head.accept(await documents.head())
  const map = await openMeshMap({ store, head, log, clock: systemClock })
  const { kid: self } = await testKey()
  const homed = new HomedAgents({ self, places: { claimHome: () => {}, releaseHome: () => {} } })
  const health = { set: () => {}, remove: () => {} }
  const server = new MapServer({ head, map, store, homed, health, log })
  const arrive = ({ peerId, home }: Arrival): Stream => {
    const stream = new Stream()
    server.serve(stream, { peer: { peerId } } as unknown as Link)
    stream.request({ type: 'sync' })
    stream.request({ type: 'home', home })
    return stream
  }
  const stop = () => {
    server.stop()
    store.close()
  }
  return { self, homed, arrive, stop }
}

const round2 = (value: number): number => Math.round(value * 100) / 100

export const relayHomes: Bench = {
  about: 'CPU of a relay while 1,000 agents return to it, handshakes aside',
  async run({ progress }) {
    const { self, homed, arrive, stop } = await openServer()
    const returning = await arrivals(self)
    progress(`${agents} agents return, ${arrivalsPerSecond} a second`)
    const began = process.cpuUsage()
    const streams: Stream[] = []
    for (const [i, arrival] of returning.entries()) {
      if (i % ((arrivalsPerSecond * turnMs) / 1_000) === 0) await wait(turnMs)
      streams.push(arrive(arrival))
    }
    while (homed.size < agents) await wait(turnMs)
    await wait(loneMs)
    const returnMs = cpuMs(began)
    const messages = streams.reduce((sum, stream) => sum + stream.messages, 0)
    const loneMsEach = await loneArrivals(returning, homed, arrive)
    stop()
    const perArrival = round2(returnMs / agents)
    if (perArrival > mostMs)
      throw new Error(`Cannot pass: an arrival costs ${perArrival} ms of CPU, at most ${mostMs} are allowed`)
    return {
      bench: 'relay-homes',
      agents,
      cpu_ms_per_arrival: perArrival,
      return_cpu_s: round2(returnMs / 1_000),
      messages_per_agent: Math.round(messages / agents),
      lone_arrival_cpu_ms: round2(loneMsEach),
    }
  },
}

/** Agents that reconnect one by one, each reported to all others by itself. @returns ms of CPU of each */
async function loneArrivals(
  returning: readonly Arrival[],
  homed: HomedAgents,
  arrive: (arrival: Arrival) => Stream,
): Promise<number> {
  const again = returning.slice(0, lone)
  const over = {}
  for (const { peerId, home } of again) {
    await homed.add(home, peerId, over)
    homed.remove(peerId, over)
  }
  await wait(loneMs)
  const began = process.cpuUsage()
  for (const arrival of again) {
    arrive(arrival)
    await wait(loneMs)
  }
  return cpuMs(began) / lone
}
