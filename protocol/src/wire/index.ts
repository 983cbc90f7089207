export { FrameAssembler, maxCutFrames, type AssemblerEvents, type CutFrame } from './assembler.ts'
export {
  bodyBytes,
  Encoded,
  encodeBody,
  FrameBody,
  isLarge,
  Tailed,
  thrownByValue,
  type EncodedBody,
} from './body.ts'
export { compressBody, CompressedBody, leastCompressedBytes } from './compressed-body.ts'
export { FrameDecoder } from './decoder.ts'
export { FrameEncoder } from './encoder.ts'
export { putRemainingMs } from './remaining-ms.ts'
export {
  frameFlags,
  frameTypes,
  isLaterId,
  linkFeatures,
  type BatchFrame,
  type CreditFrame,
  type DataFrame,
  type EndFrame,
  type ErrorFrame,
  type Frame,
  type GoingAwayFrame,
  type PartFrame,
  type RequestFrame,
  type ResponseFrame,
  type SettingsFrame,
  type SignalFrame,
  type SwimFrame,
  type UnreadableFrame,
} from './frame.ts'
export {
  dataBytes,
  dataFrameCost,
  maxCredit,
  maxTimeoutMs,
  methodBytes,
  preambleBytes,
  wireLimits,
  type WireLimits,
} from './limits.ts'
export { entrySize, entryValue, isBatched } from './message-batch.ts'
export { messageBody, messageValue } from './parse-frame.ts'
export {
  encodeFields,
  fieldBytes,
  type EncodedFields,
  type RequestFields,
  type StreamField,
  type TraceParent,
} from './request-fields.ts'
export {
  decodeSwim,
  encodeSwim,
  memberStates,
  swimBytes,
  swimLimits,
  swimShards,
  type Evidence,
  type Held,
  type MemberKey,
  type MemberState,
  type News,
  type SwimMessage,
} from './swim.ts'
export { textBytes } from './text-bytes.ts'
export { declaredChars, decodeError, detailsChars, encodeError } from './wire-error.ts'

/** The protocol id of the stream that carries the frames. */
export const rpcProtocol = '/agent-mesh/rpc/1.0.0'
