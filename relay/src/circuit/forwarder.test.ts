import type { Connection, MultiaddrConnection, Stream, StreamMuxer } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { trafficDefaults, type TrafficLimits } from './defaults.ts'
import { Forwarder, type CircuitEnd } from './forwarder.ts'
import { TrafficShaper } from './traffic-shaper.ts'
import { msOf, quickest } from '../../../test/support/quickest.ts'

/** Windows that do not grow: what is on its way stays small beside the rates below. */
const muxers = yamux({ streamOptions: { maxStreamWindowSize: 256 * 1024 } })

/** A member's connection to the relay: real muxers, no network. */
class Uplink {
  readonly connection: Connection
  readonly #member: StreamMuxer
  readonly #relay: StreamMuxer
  readonly #raw: MultiaddrConnection[]

  constructor() {
    this.#raw = multiaddrConnectionPair()
    const [near, far] = this.#raw.map(raw => muxers().createStreamMuxer(raw)) as unknown as [
      StreamMuxer,
      StreamMuxer,
    ]
    this.#member = near
    this.#relay = far
    this.connection = { maConn: this.#raw[1] } as unknown as Connection
  }

  async stream(): Promise<{ member: Stream; relay: Stream }> {
    const accepted = new Promise<Stream>(resolve =>
      this.#relay.addEventListener('stream', ({ detail }) => resolve(detail), { once: true }),
    )
    return { member: await this.#member.createStream(), relay: await accepted }
  }

  cut(): void {
    for (const raw of this.#raw) raw.abort(new Error('cut'))
  }
}

const uplinks: Uplink[] = []
const forwarders: Forwarder[] = []
afterEach(() => {
  for (const forwarder of forwarders.splice(0)) forwarder.stop()
  for (const uplink of uplinks.splice(0)) uplink.cut()
})

function makeUplink(): Uplink {
  const uplink = new Uplink()
  uplinks.push(uplink)
  return uplink
}

function makeRelay(traffic: Partial<TrafficLimits> = {}) {
  const shaper = new TrafficShaper({ limits: { ...trafficDefaults, ...traffic } })
  const spent: string[] = []
  const forwarder = new Forwarder({ shaper, onSpent: (reason, peerId) => spent.push(`${peerId} ${reason}`) })
  forwarders.push(forwarder)
  return { forwarder, shaper, spent }
}

type Relay = ReturnType<typeof makeRelay>

/** A circuit from one member to another; what the members hold of it. */
async function circuit(relay: Relay, from: string, source: Uplink, target: Uplink) {
  const [a, b] = [await source.stream(), await target.stream()]
  const end = (peerId: string, stream: Stream, { connection }: Uplink): CircuitEnd => ({
    peerId,
    stream,
    connection,
  })
  const leave = relay.forwarder.place(from, 'callee')
  relay.forwarder.join(end(from, a.relay, source), end('callee', b.relay, target), leave)
  return { caller: a.member, callee: b.member, relayEnds: [a.relay, b.relay] as const, leave }
}

const bytesOf = (stream: Stream) => {
  const counter = { bytes: 0, last: 0 }
  stream.addEventListener('message', ({ data }) => {
    counter.bytes += data.byteLength
    counter.last = performance.now()
  })
  return counter
}

/** Sends all of it as fast as it is taken, while the stream lives. */
async function pour(stream: Stream, bytes: number): Promise<void> {
  for (let at = 0; at < bytes && stream.writeStatus === 'writable'; at += 32_768)
    if (!stream.send(new Uint8Array(Math.min(32_768, bytes - at))))
      await new Promise<void>(resolve => {
        for (const event of ['drain', 'close'] as const)
          stream.addEventListener(event, () => resolve(), { once: true })
      })
}

describe('a circuit', () => {
  it('carries megabytes both ways, each in order and whole', async () => {
    const relay = makeRelay()
    const { caller, callee } = await circuit(relay, 'caller', makeUplink(), makeUplink())
    const [there, back] = [bytesOf(callee), bytesOf(caller)]
    await Promise.all([pour(caller, 3_000_000), pour(callee, 2_000_000)])
    await until(() => there.bytes === 3_000_000 && back.bytes === 2_000_000)
    expect(relay.forwarder.bytes).toEqual({ to_target: 3_000_000, to_source: 2_000_000 })
  })

  it('stays open one way when the other is done, and ends when both are', async () => {
    const relay = makeRelay()
    const { caller, callee } = await circuit(relay, 'caller', makeUplink(), makeUplink())
    const [there, back] = [bytesOf(callee), bytesOf(caller)]
    caller.send(new Uint8Array(100_000))
    await caller.close()
    await until(() => callee.remoteWriteStatus === 'closed')
    expect(there.bytes).toBe(100_000)
    callee.send(new Uint8Array(200_000))
    await until(() => back.bytes === 200_000)
    expect(relay.forwarder.count()).toBe(1)
    await callee.close()
    await until(() => relay.forwarder.count() === 0 && caller.status === 'closed')
    expect(callee.status).toBe('closed')
  })

  it('passes a reset on to the other end', async () => {
    const relay = makeRelay()
    const { caller, callee } = await circuit(relay, 'caller', makeUplink(), makeUplink())
    caller.abort(new Error('enough'))
    await until(() => callee.status === 'reset')
    expect(relay.forwarder.count('caller')).toBe(0)
  })

  it('is reset at the other end when the connection of one is lost, and never looks complete', async () => {
    const relay = makeRelay()
    const source = makeUplink()
    const { callee } = await circuit(relay, 'caller', source, makeUplink())
    let complete = false
    callee.addEventListener('remoteCloseWrite', () => (complete = true))
    source.cut()
    await until(() => callee.status === 'reset')
    expect(complete).toBe(false)
  })

  it('holds back a sender whose receiver does not read, and holds no more than windows', async () => {
    const relay = makeRelay()
    const { caller, callee, relayEnds } = await circuit(relay, 'caller', makeUplink(), makeUplink())
    const there = bytesOf(callee)
    callee.pause()
    let sent = 0
    const pouring = (async () => {
      for (; sent < 20_000_000; sent += 32_768) await pour(caller, 32_768)
    })()
    await until(() => relayEnds[0].readStatus === 'paused')
    const held = () => relayEnds[0].readBufferLength + relayEnds[1].writeBufferLength
    const bound = 2 * 256 * 1024
    expect(sent).toBeLessThan(20_000_000)
    expect(held()).toBeLessThanOrEqual(bound)
    callee.resume()
    await pouring
    await until(() => there.bytes === sent)
  })

  it('ends at both ends when the relay stops', async () => {
    const relay = makeRelay()
    const { caller, callee } = await circuit(relay, 'caller', makeUplink(), makeUplink())
    relay.forwarder.stop()
    await until(() => caller.status === 'reset' && callee.status === 'reset')
    expect(relay.forwarder.count()).toBe(0)
  })

  it('leaves nothing behind, a thousand times', async () => {
    const relay = makeRelay()
    const [source, target] = [makeUplink(), makeUplink()]
    const ends: Stream[] = []
    for (let round = 0; round < 1_000; round++) {
      const { caller, callee, relayEnds } = await circuit(relay, 'caller', source, target)
      caller.send(new Uint8Array(100))
      if (round % 2 === 0) caller.abort(new Error('enough'))
      else await Promise.all([caller.close(), callee.close()])
      ends.push(...relayEnds)
    }
    await until(() => relay.forwarder.count() === 0 && ends.every(({ status }) => status !== 'open'))
    expect(relay.forwarder.count('caller')).toBe(0)
    expect(relay.shaper.waiting).toBe(0)
    expect(ends.reduce((count, end) => count + end.listenerCount('message'), 0)).toBe(0)
  })
})

describe('traffic', () => {
  const slow = { memberBytesPerSecond: 2_000_000, memberBurstBytes: 200_000 }

  it('over the rate of a member waits, and none of it is lost', async () => {
    const relay = makeRelay(slow)
    const { caller, callee } = await circuit(relay, 'caller', makeUplink(), makeUplink())
    const there = bytesOf(callee)
    const startedAt = performance.now()
    await pour(caller, 2_000_000)
    await until(() => there.bytes === 2_000_000)
    // The burst and one window are free, the rest takes its time.
    expect(there.last - startedAt).toBeGreaterThan(500)
    expect(relay.shaper.throttled).toBeGreaterThan(0)
  })

  it('of one member does not slow another down', async () => {
    const relay = makeRelay(slow)
    const [source, target] = [makeUplink(), makeUplink()]
    const heavy = await circuit(relay, 'heavy', source, target)
    const light = await circuit(relay, 'light', makeUplink(), target)
    const there = bytesOf(light.callee)
    void pour(heavy.caller, 8_000_000)
    await until(() => relay.shaper.waiting === 1)
    const pass = async () => {
      const before = there.bytes
      await pour(light.caller, 10_000)
      await until(() => there.bytes === before + 10_000)
    }
    expect(await quickest(500, () => msOf(pass))).toBeLessThan(500)
  })

  it('takes turns by member when the relay as a whole is at its rate', async () => {
    const relay = makeRelay({ totalBytesPerSecond: 4_000_000, totalBurstBytes: 100_000 })
    const target = makeUplink()
    const heavy: Awaited<ReturnType<typeof circuit>>[] = []
    while (heavy.length < 8) heavy.push(await circuit(relay, 'heavy', makeUplink(), target))
    const light = await circuit(relay, 'light', makeUplink(), target)
    const counters = heavy.map(({ callee }) => bytesOf(callee))
    const there = bytesOf(light.callee)
    for (const { caller } of [...heavy, light]) void pour(caller, 20_000_000)
    await until(() => there.bytes > 2_000_000)
    const taken = counters.reduce((sum, { bytes }) => sum + bytes, 0)
    // Eight circuits to one: by circuit the heavy member would have eight times as much.
    expect(taken / there.bytes).toBeLessThan(3)
  })

  it('of a circuit that waits ends with it', async () => {
    const relay = makeRelay(slow)
    const { caller, callee } = await circuit(relay, 'caller', makeUplink(), makeUplink())
    void pour(caller, 8_000_000)
    await until(() => relay.shaper.waiting === 1)
    callee.abort(new Error('enough'))
    await until(() => relay.forwarder.count() === 0)
    expect(relay.shaper.waiting).toBe(0)
  })

  it.each([
    ['member', { memberBytesPerDay: 500_000 }],
    ['relay', { totalBytesPerDay: 500_000 }],
  ])('beyond the day of a %s ends its circuit, and says why', async (whose, traffic) => {
    const relay = makeRelay(traffic)
    const { caller, callee } = await circuit(relay, 'caller', makeUplink(), makeUplink())
    void pour(caller, 2_000_000)
    await until(() => caller.status === 'reset' && callee.status === 'reset')
    expect(relay.spent).toEqual([`caller ${whose}_bytes_spent`])
    expect(relay.shaper.spent('caller')).toBe(`${whose}_bytes_spent`)
    expect(relay.shaper.spent('another')).toBe(whose === 'relay' ? 'relay_bytes_spent' : undefined)
  })
})
