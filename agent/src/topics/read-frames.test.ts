import { encodeTopicFrame } from '@agent-mesh/protocol'
import { afterEach, expect, it, vi } from 'vitest'
import type { ByteStream } from '../core/byte-stream.ts'
import * as youngGarbage from '../core/young-garbage.ts'
import { readFrames } from './read-frames.ts'

afterEach(() => void vi.restoreAllMocks())

it('counts what it reads among the buffers that are let go of soon', () => {
  const count = vi.spyOn(youngGarbage, 'countBuffers')
  let receive = (_chunk: Uint8Array): void => {}
  const stream: Pick<ByteStream, 'onData'> = { onData: callback => (receive = callback) }
  const types: string[] = []
  readFrames(stream as ByteStream, ({ type }) => types.push(type))
  const frame = Buffer.concat(encodeTopicFrame({ type: 'unsubscribe', id: 1 }))
  receive(frame.subarray(0, 10))
  receive(frame.subarray(10))
  expect(types).toEqual(['unsubscribe'])
  expect(count.mock.calls).toEqual([[10], [frame.length - 10]])
})
