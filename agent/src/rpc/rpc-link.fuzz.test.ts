import { setImmediate as turn } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol/errors'
import { encodeBody, encodeFields, FrameEncoder, type EncodedBody } from '@agent-mesh/protocol/wire/index'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BodyExchange } from './bodies/body-exchange.ts'
import type { OnRequest } from './calls/inbound-calls.ts'
import { memoryStreams } from './memory-stream.ts'
import { TimerWheel } from '../core/timer-wheel.ts'
import { rpcLink } from './stream-link.ts'

// Each run makes a link and waits a turn: a tenth of what the parsers get.
const numRuns = Math.ceil(Number(process.env['FUZZ_RUNS'] ?? 2_000) / 10)

/** A request in parts of 16 bytes, whose last does not come for some ids. */
function cutRequest(encoder: FrameEncoder, id: number, body: EncodedBody): void {
  const whole = new FrameEncoder()
  whole.request(id, 'a.b', 5_000, false, body)
  const bytes = whole.take()
  const sent = id % 2 === 0 ? bytes.length : bytes.length - 1
  for (let at = 0; at < sent; at += 16) encoder.part(id, bytes.subarray(at, Math.min(sent, at + 16)))
}

const stream = encodeFields({ stream: { credit: 100, input: true } })

/** Answers what it was sent: the messages, of a stream. */
const echo: OnRequest = async call => {
  await call.load(1024)
  if (call.stream === undefined) return call.params()
  return call.stream.sendAll(call.stream.begin(), value => encodeBody(value, 'message'))
}

const exchange = new BodyExchange()

/** To a body that is nowhere, of more bytes than are allowed for some ids. */
const reference = (id: number) =>
  encodeBody(
    { ticket: 'a'.repeat(22), bytes: id * 400, json: 0, tail: true, sha256: 'b'.repeat(64) },
    'value',
  )

/** What a peer could send: frames in any order, about any request, and some bytes changed. */
const hostile = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(16), fc.integer({ min: 0, max: 4 }), fc.jsonValue({ maxDepth: 1 })), {
      maxLength: 12,
    }),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
  )
  .map(([frames, changes]) => {
    const encoder = new FrameEncoder()
    for (const [kind, id, value] of frames) {
      const body = encodeBody(value, 'value')
      if (kind === 0) encoder.request(id, 'a.b', id, false, body)
      else if (kind === 1) encoder.response(id, body)
      else if (kind === 2) encoder.error(id, 'internal', body, id % 2 === 0)
      else if (kind === 3) encoder.cancel(id)
      else if (kind === 4) encoder.goingAway(id, id)
      else if (kind === 5) encoder.ping(id)
      else if (kind === 6) encoder.pong(id)
      else if (kind === 7) encoder.settings(id)
      else if (kind === 8) encoder.delivered(id)
      else if (kind === 9) encoder.drop(id)
      else if (kind === 10) encoder.request(id, 'a.b', 0xffff_ffff, false, body, stream, true)
      else if (kind === 11) encoder.data(id, id % 2 === 0, body)
      else if (kind === 12)
        encoder.dataPiece(id, id % 2 === 0, Buffer.from('[1'), { tail: id === 2, more: true })
      else if (kind === 13) encoder.credit(id, id % 2 === 0, 2 ** (id * 7))
      else if (kind === 14) encoder.end(id, id % 2 === 0)
      else if (kind === 15) encoder.request(id, 'a.b', 5_000, false, reference(id), undefined, false, true)
      else if (kind === 16) encoder.response(id, id % 2 === 0 ? body : reference(id), true)
      else cutRequest(encoder, id + 1, body)
    }
    const data = Uint8Array.from(encoder.take())
    for (const [at, byte] of changes) if (data.length > 0) data[at % data.length] = byte
    return data
  })

it('a link survives what any peer sends, or ends with a MeshError, and its own calls end either way', async () => {
  const wheel = new TimerWheel()
  await fc.assert(
    fc.asyncProperty(hostile, fc.integer({ min: 1, max: 60 }), async (data, step) => {
      const [near, far] = memoryStreams()
      far.onData(() => {})
      const bodies = exchange.carrier('peer', () => Promise.reject(new MeshError('path_lost', 'Cannot open')))
      const link = rpcLink({ stream: near, wheel, bodies, onRequest: echo })
      const calls = [1, 2].map(n => link.call('x.y', n).catch((error: unknown) => error))
      const streams = [3, 4].map(async n => {
        const opened = await link.stream('x.y', n, { input: [1, 2, 3] })
        for await (const message of opened.messages) void message
        return opened.result
      })
      calls.push(...streams.map(each => each.catch((error: unknown) => error)))
      for (let at = 0; at < data.length; at += step) far.send(data.subarray(at, at + step))
      await turn()
      // In a turn of the loop that is late, requests wait for the next ones.
      for (let turns = 0; turns < 100 && link.stats.inbound > 0; turns++) await turn()
      link.close()
      for (let turns = 0; turns < 100 && link.stats.inbound > 0; turns++) await turn()
      const { inbound } = link.stats
      for (const result of await Promise.all(calls))
        if (result instanceof Error) expect(result).toBeInstanceOf(MeshError)
      const reason = await link.closed
      expect(reason === undefined || reason.code === 'protocol_error').toBe(true)
      expect(inbound).toBe(0)
      expect(link.stats.heldBytes).toBe(0)
      expect(exchange.heldBytes).toBe(0)
    }),
    { numRuns },
  )
  expect(wheel.size).toBe(0)
  wheel.stop()
})
