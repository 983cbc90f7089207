import {
  memoryStreams,
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
  { wheel, turns }: { wheel: TimerWheel; turns?: TurnQueue },
): RpcLink {
  const [near, far] = memoryStreams()
  rpcLink({ stream: far, wheel, onRequest, ...(turns !== undefined && { turns }) })
  return rpcLink({ stream: near, wheel, onRequest: () => undefined })
}
