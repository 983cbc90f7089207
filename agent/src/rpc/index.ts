export type { ByteStream } from '../core/byte-stream.ts'
export type { BodyCarrier } from './bodies/body-carrier.ts'
export { BodyExchange } from './bodies/body-exchange.ts'
export { ByteBudget } from './byte-budget.ts'
export {
  callTimeoutMs,
  linkDefaults,
  processHeldBytes,
  processStreamBytes,
  type LinkLimits,
  turnDefaults,
  type TurnOptions,
} from './defaults.ts'
export { Compression } from './compression.ts'
export { OutgoingTransfers } from './transfers/outgoing-transfers.ts'
export { Transfer } from './transfers/transfer.ts'
export { checkReceiveOptions, type ReceiveOptions, type SendOptions } from './transfers/transfer-options.ts'
export type { TransferSource } from './transfers/transfer-source.ts'
export { FairQueue, Lane } from './fair-queue.ts'
export { unsendable } from './calls/answers.ts'
export type { OnRequest } from './calls/inbound-calls.ts'
export type { InboundCall } from './calls/inbound-request.ts'
export { memoryStreams, type Deliver } from './memory-stream.ts'
export { noMetrics, type RpcMetrics } from './metrics.ts'
export type { LinkCallOptions } from './calls/pending-call.ts'
export type { LinkStream, LinkStreamOptions } from './streams/outbound-stream.ts'
export type { ReadMessage } from './streams/message-receiver.ts'
export type { ServedStream } from './streams/inbound-stream.ts'
export { iteratorOf, type Messages } from './streams/send-all.ts'
export type { LinkStats, RpcLink, RpcLinkInit } from './rpc-link.ts'
export { socketStream } from './socket-stream.ts'
export { rpcLink } from './stream-link.ts'
export { promiseOf } from '../core/thenable.ts'
export { systemWheelClock, TimerWheel, WheelEntry, type WheelClock } from '../core/timer-wheel.ts'
export { TurnQueue, type TurnMetrics } from './turn-queue.ts'
