export { Encoded, encodeBody, FrameBody, Tailed, type EncodedBody } from './body.ts'
export { FrameDecoder } from './decoder.ts'
export { FrameEncoder } from './encoder.ts'
export {
  frameFlags,
  frameTypes,
  isLaterId,
  type ErrorFrame,
  type Frame,
  type GoingAwayFrame,
  type RequestFrame,
  type ResponseFrame,
  type SignalFrame,
  type UnreadableFrame,
} from './frame.ts'
export { maxTimeoutMs, methodBytes, preambleBytes, wireLimits, type WireLimits } from './limits.ts'
export { decodeError, encodeError } from './wire-error.ts'

/** The protocol id of the stream that carries the frames. */
export const rpcProtocol = '/agent-mesh/rpc/1.0.0'
