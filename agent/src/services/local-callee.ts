import { memoryStreams, rpcLink, type OnRequest, type RpcLink, type TimerWheel } from '../rpc/index.ts'

/**
 * The own services as a link: calls to oneself are encoded, checked, timed and cancelled like any other, so that a
 * handler cannot tell the difference nor share an object with its caller.
 */
export function localCallee(onRequest: OnRequest, wheel: TimerWheel): RpcLink {
  const [near, far] = memoryStreams()
  rpcLink({ stream: far, wheel, onRequest })
  return rpcLink({ stream: near, wheel, onRequest: () => undefined })
}
