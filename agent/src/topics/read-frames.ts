import { TopicFrameReader, toMeshError, type TopicFrame } from '@agent-mesh/protocol'
import type { ByteStream } from '../core/byte-stream.ts'
import { countBuffers } from '../core/young-garbage.ts'

/** Reads the frames of a stream from now on; one that is none, or that fails, ends the stream. */
export function readFrames(
  stream: ByteStream,
  onFrame: (frame: TopicFrame, bodies: Uint8Array) => void,
): void {
  const reader = new TopicFrameReader()
  stream.onData(chunk => {
    countBuffers(chunk.byteLength)
    try {
      for (const { frame, bodies } of reader.push(chunk)) onFrame(frame, bodies)
    } catch (error) {
      stream.abort(toMeshError(error, 'protocol_error', 'read topic frames'))
    }
  })
}
