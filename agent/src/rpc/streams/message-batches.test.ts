/** Small messages that share a frame: what their reader gets, and which peers are sent them. */
import { once } from 'node:events'
import {
  dataFrameCost,
  encodeBody,
  encodeFields,
  FrameDecoder,
  FrameEncoder,
  linkFeatures,
  type DataFrame,
  type Frame,
} from '@agent-mesh/protocol/wire/index'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TimerWheel } from '../../core/timer-wheel.ts'
import { ByteBudget } from '../byte-budget.ts'
import { socketStream } from '../socket-stream.ts'
import { rpcLink } from '../stream-link.ts'
import { socketPair } from '../testing/link-pair.ts'
import { all } from '../testing/yielding.ts'
import { MessageReceiver } from './message-receiver.ts'
import { ReceiveWindow } from './window.ts'

let given: number
beforeEach(() => {
  given = 0
})

function receiverOf(bytes = 64 * 1024): MessageReceiver {
  const window = new ReceiveWindow(new ByteBudget(1024 * 1024), bytes)
  return new MessageReceiver({
    ...{ window, credit: window.open(0), now: () => 1e9, rttMs: () => undefined, onLeft: () => {} },
    giveCredit: bytes => void (given += bytes),
  })
}

/** Received frames with these messages in one batch, or each in one of its own. */
function framesOf(messages: readonly unknown[], batched = true): DataFrame[] {
  const encoder = new FrameEncoder()
  for (const message of messages)
    encoder[batched ? 'batched' : 'data'](1, true, encodeBody(message, 'message'))
  const frames: Frame[] = []
  new FrameDecoder(frame => frames.push(frame)).push(Uint8Array.from(encoder.take()))
  return frames as DataFrame[]
}

const messages = [1, undefined, { a: 'ü' }, Buffer.from('raw'), Buffer.alloc(0), null]

describe('a batch', () => {
  it('is read as its messages, between others, by readers that wait and by later ones', async () => {
    const receiver = receiverOf()
    const asked = [receiver.next(), receiver.next()]
    const frames = [...framesOf(messages), ...framesOf(['between'], false), ...framesOf(messages)]
    for (const frame of frames) receiver.onData(frame)
    receiver.onEnd()
    const first = (await Promise.all(asked)).map(({ value }) => value)
    expect([...first, ...(await all(receiver))]).toEqual([...messages, 'between', ...messages])
  })

  it.each([0, 1, 3])('of which %i messages were read does not change when its chunk does', async read => {
    const receiver = receiverOf()
    const frames = [...framesOf(messages), ...framesOf(messages)]
    for (const frame of frames) receiver.onData(frame)
    receiver.onEnd()
    const seen: unknown[] = []
    for (let n = 0; n < read; n++) seen.push((await receiver.next()).value)
    const copied = seen.map(message => (message instanceof Uint8Array ? Buffer.from(message) : message))
    await new Promise(setImmediate)
    for (const { chunk } of frames) chunk.fill(0xff)
    expect([...copied, ...(await all(receiver))]).toEqual([...messages, ...messages])
  })

  it('gives back what its frame cost, and not before its messages are read', async () => {
    const receiver = receiverOf(2 * 1_024)
    const [frame] = framesOf(Array(10).fill('x'.repeat(98)))
    const { start, end } = frame!
    receiver.onData(frame!)
    const costs: number[] = []
    for (let n = 0; n < 10; n++) {
      await receiver.next()
      costs.push(given)
    }
    expect(costs.slice(0, 9)).toEqual(Array(9).fill(0))
    expect(given).toBe(end - start + dataFrameCost)
  })

  it('whose reader leaves in its middle is dropped', async () => {
    const receiver = receiverOf()
    for (const frame of framesOf(messages)) receiver.onData(frame)
    for await (const message of receiver) if (message === undefined) break
    expect(await receiver.next()).toEqual({ done: true, value: undefined })
  })
})

describe('messages that a handler yields', () => {
  const wheel = new TimerWheel()
  const stops: (() => void)[] = []
  afterEach(() => {
    for (const stop of stops.splice(0)) stop()
    wheel.stop()
  })

  it.each([
    ['travel together to a peer that reads batches', linkFeatures.batches, ['batch']],
    ['travel one by one to a peer of the version before', linkFeatures.parts, Array(5).fill('data')],
    ['travel one by one to a peer without settings', undefined, Array(5).fill('data')],
  ])('%s', async (_, features, types) => {
    const [socket, peer] = await socketPair()
    const link = rpcLink({
      stream: socketStream(socket),
      wheel,
      onRequest: call => {
        call.stream?.begin()
        return call.stream?.sendAll(['a', 'b', 'c', 'd', 'e'], message => encodeBody(message, 'message'))
      },
    })
    stops.push(() => (link.close(), peer.destroy()))
    const encoder = new FrameEncoder()
    if (features !== undefined) encoder.settings(features)
    const stream = { stream: { credit: 65_536, input: false } }
    encoder.request(1, 'a.b', 5_000, false, encodeBody(undefined, 'params'), encodeFields(stream), true)
    peer.write(encoder.take())
    const seen: string[] = []
    const decoder = new FrameDecoder(({ type }) => seen.push(type))
    while (!seen.includes('response')) decoder.push(((await once(peer, 'data')) as [Buffer])[0])
    expect(seen.filter(type => type === 'data' || type === 'batch')).toEqual(types)
  })
})
