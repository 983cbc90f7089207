/** What a peer must not send on a stream: the link ends, typed, and holds nothing. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { encodeBody, encodeFields, FrameEncoder, linkFeatures } from '@agent-mesh/protocol/wire/index'
import { afterEach, expect, it } from 'vitest'
import { TimerWheel } from '../../core/timer-wheel.ts'
import type { OnRequest } from '../calls/inbound-calls.ts'
import type { RpcLink } from '../rpc-link.ts'
import { socketStream } from '../socket-stream.ts'
import { rpcLink } from '../stream-link.ts'
import { socketPair } from '../testing/link-pair.ts'

const nothing = encodeBody(undefined, 'nothing')
const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** A link whose peer is this test, byte by byte. */
async function linkTo(onRequest: OnRequest): Promise<{ link: RpcLink; peer: Socket }> {
  const [socket, peer] = await socketPair()
  const wheel = new TimerWheel()
  const link = rpcLink({ stream: socketStream(socket), wheel, onRequest })
  stops.push(() => {
    link.close()
    wheel.stop()
    peer.destroy()
  })
  await once(peer, 'data') // its settings
  return { link, peer }
}

/** The callee reads messages as they come, and never ends by itself. */
const reading: OnRequest = async call => {
  const input = call.stream?.begin()
  if (input !== undefined) for await (const message of input) void message
  return 'read'
}
/** The callee reads nothing. */
const idle: OnRequest = call => {
  call.stream?.begin()
  return new Promise(resolve => call.signal.addEventListener('abort', resolve))
}

function open(encoder: FrameEncoder, id: number): void {
  const fields = encodeFields({ stream: { credit: 65_536, input: true } })
  encoder.request(id, 'a.b', 0xffff_ffff, false, nothing, fields, true)
}

it.each<[string, OnRequest, (encoder: FrameEncoder) => void, string]>([
  ['data before the request', idle, e => e.data(7, false, nothing), 'data of request 7'],
  ['a batch before the request', idle, e => void e.batched(7, false, nothing), 'batch of request 7'],
  ['credit before the request', idle, e => e.credit(7, false, 1), 'credit of request 7'],
  ['an end before the request', idle, e => e.end(7, false), 'end of request 7'],
  [
    'data of a plain call',
    () => new Promise(() => {}),
    e => {
      e.request(1, 'a.b', 5_000, false, nothing)
      e.data(1, false, nothing)
    },
    'it is no stream',
  ],
])('ends the link for %s', async (_, onRequest, send, reason) => {
  const { link, peer } = await linkTo(onRequest)
  const encoder = new FrameEncoder()
  encoder.settings(linkFeatures.parts)
  send(encoder)
  peer.write(encoder.take())
  expect(await link.closed).toMatchObject({
    code: 'protocol_error',
    message: expect.stringContaining(reason),
  })
})

it.each<[string, OnRequest, (encoder: FrameEncoder) => void, string]>([
  [
    'a second end',
    idle,
    e => {
      e.end(1, false)
      e.end(1, false)
    },
    'a second end',
  ],
  [
    'a message behind the end',
    idle,
    e => {
      e.end(1, false)
      e.data(1, false, nothing)
    },
    'behind the end',
  ],
  [
    'more credit than 2^31',
    idle,
    e => {
      e.credit(1, false, 0xffff_ffff)
      e.credit(1, false, 0xffff_ffff)
    },
    'bytes of credit',
  ],
  [
    'data beyond the credit',
    idle,
    e => {
      const body = encodeBody(new Uint8Array(16_000), 'bytes')
      for (let n = 0; n < 5; n++) e.data(1, false, body)
    },
    'has room for',
  ],
  [
    'batches beyond the credit',
    idle,
    e => {
      const body = encodeBody(new Uint8Array(1_000), 'bytes')
      for (let n = 0; n < 80; n++) e.batched(1, false, body)
    },
    'has room for',
  ],
  [
    'a batch behind the end',
    idle,
    e => {
      e.end(1, false)
      e.batched(1, false, nothing)
    },
    'behind the end',
  ],
  [
    'a batch between the frames of a message',
    idle,
    e => {
      e.dataPiece(1, false, Buffer.from('[1'), { tail: false, more: true })
      e.batched(1, false, nothing)
    },
    'a batch within a message',
  ],
  [
    'a flood of empty messages',
    idle,
    e => {
      for (let n = 0; n < 3_000; n++) e.data(1, false, nothing)
    },
    'has room for',
  ],
])('ends the link for %s', async (_, onRequest, send, reason) => {
  const { link, peer } = await linkTo(onRequest)
  const encoder = new FrameEncoder()
  open(encoder, 1)
  peer.write(encoder.take())
  await once(peer, 'data') // the handler has begun
  send(encoder)
  peer.write(encoder.take())
  expect(await link.closed).toMatchObject({
    code: 'protocol_error',
    message: expect.stringContaining(reason),
  })
})

it('ends the link for a message over 1 MiB, whose pieces the peer was given credit for', async () => {
  const { link, peer } = await linkTo(reading)
  const encoder = new FrameEncoder()
  open(encoder, 1)
  peer.write(encoder.take())
  const piece = new Uint8Array(32 * 1024)
  peer.on('data', () => {
    encoder.dataPiece(1, false, piece, { tail: false, more: true })
    peer.write(encoder.take())
  })
  expect(await link.closed).toMatchObject({
    code: 'protocol_error',
    message: expect.stringContaining('a message of'),
  })
})

it('skips what crosses the end of a stream, and messages of the callee for a call that has ended', async () => {
  const { link, peer } = await linkTo(call => {
    call.stream?.begin()
    return 'at once'
  })
  const encoder = new FrameEncoder()
  open(encoder, 1)
  encoder.data(1, true, nothing)
  encoder.credit(9, true, 5)
  peer.write(encoder.take())
  await once(peer, 'data')
  encoder.data(1, false, nothing)
  encoder.credit(1, false, 5)
  encoder.end(1, false)
  encoder.ping(3)
  peer.write(encoder.take())
  await once(peer, 'data')
  expect(link.usable).toBe(true)
})

it.each<[string, (encoder: FrameEncoder) => void]>([
  ['message', e => e.dataPiece(1, false, Buffer.from('{"'), { tail: false, more: false })],
  ['message of a batch', e => void e.batched(1, false, { json: '{"', tail: undefined })],
])('a %s that is no JSON ends its stream, and nothing else', async (_, send) => {
  const { link, peer } = await linkTo(reading)
  const encoder = new FrameEncoder()
  open(encoder, 1)
  peer.write(encoder.take())
  await once(peer, 'data')
  send(encoder)
  peer.write(encoder.take())
  let answer = ''
  while (!answer.includes('protocol_error')) answer += String((await once(peer, 'data'))[0])
  expect(link.usable).toBe(true)
})
