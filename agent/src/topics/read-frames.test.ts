import { encodeTopicFrame } from '@agent-mesh/protocol'
import { afterEach, expect, it, vi } from 'vitest'
import type { ByteStream } from '../core/byte-stream.ts'

afterEach(() => void vi.doUnmock('../core/young-garbage.ts'))

it('counts what it reads among the buffers that are let go of soon', async () => {
  const counted: number[] = []
  vi.resetModules()
  vi.doMock('../core/young-garbage.ts', () => ({ countBuffers: (bytes: number) => counted.push(bytes) }))
  const { readFrames } = await import('./read-frames.ts')
  let receive = (_chunk: Uint8Array): void => {}
  const stream: Pick<ByteStream, 'onData'> = { onData: callback => (receive = callback) }
  const types: string[] = []
  readFrames(stream as ByteStream, ({ type }) => types.push(type))
  const frame = Buffer.concat(encodeTopicFrame({ type: 'unsubscribe', id: 1 }))
  receive(frame.subarray(0, 10))
  receive(frame.subarray(10))
  expect(types).toEqual(['unsubscribe'])
  expect(counted).toEqual([10, frame.length - 10])
})
