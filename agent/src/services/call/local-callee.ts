import {
  memoryStreams,
  type BodyCarrier,
  rpcLink,
  type OnRequest,
  type RpcLink,
  type TimerWheel,
  type TurnQueue,
} from '../../rpc/index.ts'

/**
 * The own services as a link: calls to oneself are encoded, checked, timed and cancelled like any other, so that a
 * handler cannot tell the difference nor share an object with its caller.
 */
export function localCallee(
  onRequest: OnRequest,
  { wheel, turns, bodies }: { wheel: TimerWheel; turns?: TurnQueue; bodies?: BodyCarrier },
): RpcLink {
  const [near, far] = memoryStreams()
  rpcLink({ stream: far, wheel, onRequest, bodies, ...(turns !== undefined && { turns }) })
  return rpcLink({ stream: near, wheel, bodies, onRequest: () => undefined })
}
