import { leanYamux, trustFrames } from '@agent-mesh/agent/transport/libp2p/lean-yamux'
import { grantingStreamOf } from '@agent-mesh/agent/transport/libp2p/hidden-parts'
import type { Connection, Stream } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { trafficDefaults } from './defaults.ts'
import { Forwarder, type CircuitEnd } from './forwarder.ts'
import { TrafficShaper } from './traffic-shaper.ts'
import { WindowBudget } from './window-budget.ts'

const MiB = 1024 * 1024
const first = 256 * 1024
const muxers = leanYamux({ enableKeepAlive: false, streamOptions: { maxStreamWindowSize: MiB } })

// Each window is used at once, but for the pauses of a spec.
beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }))
const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
  vi.useRealTimers()
})

interface Wire {
  member: Stream
  relay: Stream
  connection: Connection
}

/** A stream of a member to the relay, over muxers as members have them. */
async function wire(): Promise<Wire> {
  const raw = multiaddrConnectionPair()
  stops.push(() => raw.forEach(each => each.abort(new Error('the test is over'))))
  const [near, far] = raw.map(each => muxers().createStreamMuxer(each))
  if (near === undefined || far === undefined) throw new Error('no muxers')
  const accepted = new Promise<Stream>(resolve =>
    far.addEventListener('stream', ({ detail }) => resolve(detail), { once: true }),
  )
  for (const muxer of [near, far]) trustFrames(muxer)
  const member = await near.createStream()
  return { member, relay: await accepted, connection: { maConn: raw[1] } as unknown as Connection }
}

async function pour(from: Stream, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes; sent += 65_536)
    if (!from.send(new Uint8Array(65_536))) await from.onDrain()
}

/** Bytes that arrive. */
function counted(stream: Stream): () => number {
  let bytes = 0
  stream.addEventListener('message', ({ data }) => (bytes += data.byteLength))
  return () => bytes
}

/** A circuit that has carried some MiB as fast as it can. */
async function fastCircuit(forwarder: Forwarder): Promise<{ source: Wire; target: Wire }> {
  const [source, target] = [await wire(), await wire()]
  const end = ({ relay, connection }: Wire, peerId: string): CircuitEnd => ({
    peerId,
    stream: relay,
    connection,
  })
  forwarder.join(end(source, 'source'), end(target, 'target'), () => {})
  const arrived = counted(target.member)
  await pour(source.member, 4 * MiB)
  await until(() => arrived() === 4 * MiB)
  return { source, target }
}

describe('the windows of circuits', () => {
  it('take no more memory than a first window each and the budget when no receiver reads any more', async () => {
    const [circuits, windowBytes] = [8, MiB]
    const shaper = new TrafficShaper({ limits: { ...trafficDefaults, memberBytesPerSecond: 0 } })
    const forwarder = new Forwarder({ shaper, onSpent: () => {}, windowBytes })
    stops.push(() => forwarder.stop())
    const all: { source: Wire; target: Wire }[] = []
    while (all.length < circuits) all.push(await fastCircuit(forwarder))
    for (const { source, target } of all) {
      target.member.pause()
      source.member.send(new Uint8Array(4 * MiB))
    }
    // Senders have used all that was granted to them.
    await until(() => all.every(({ source }) => grantingStreamOf(source.relay).recvWindowCapacity === 0))
    const held = all.reduce(
      (sum, { source, target }) => sum + source.relay.readBufferLength + target.relay.writeBufferLength,
      0,
    )
    // What senders may send, what receivers have not taken, and what came in one turn. Without the budget it is 20 MiB.
    expect(held).toBeLessThanOrEqual(3 * (circuits * first + windowBytes))
  })

  it('grow while the budget lasts, and return their part when the circuit is slow or ends', async () => {
    const budget = new WindowBudget(MiB)
    const [one, other] = [await wire(), await wire()]
    budget.share(one.relay)
    const leave = budget.share(other.relay)
    const windowOf = ({ relay }: Wire) => grantingStreamOf(relay).recvWindow
    const [fromOne, fromOther] = [counted(one.relay), counted(other.relay)]
    await pour(one.member, 4 * MiB)
    await until(() => fromOne() === 4 * MiB)
    expect(windowOf(one)).toBe(MiB)
    await pour(other.member, 4 * MiB)
    await until(() => fromOther() === 4 * MiB)
    expect(windowOf(other)).toBe(first + MiB / 4)
    expect(budget.left).toBe(0)

    for (let bytes = 0; bytes < MiB; bytes += 65_536) {
      vi.setSystemTime(Date.now() + 2_000)
      await pour(one.member, 65_536)
      await until(() => fromOne() === 4 * MiB + bytes + 65_536)
    }
    expect(windowOf(one)).toBe(first)
    expect(budget.left).toBe(MiB - MiB / 4)
    await pour(other.member, 4 * MiB)
    await until(() => fromOther() === 8 * MiB)
    expect(windowOf(other)).toBe(MiB)
    expect(budget.left).toBe(MiB / 4)
    leave()
    expect(budget.left).toBe(MiB)
  })
})
