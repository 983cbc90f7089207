import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import type { LinkLimits, TurnOptions } from '../defaults.ts'
import type { OnRequest } from '../calls/inbound-calls.ts'
import type { RpcLink } from '../rpc-link.ts'
import { socketStream } from '../socket-stream.ts'
import { TimerWheel } from '../../core/timer-wheel.ts'
import { TurnQueue } from '../turn-queue.ts'
import { rpcLink } from '../stream-link.ts'

export interface LinkPair {
  readonly caller: RpcLink
  readonly callee: RpcLink
  readonly callerSocket: Socket
  readonly calleeSocket: Socket
  stop(): void
}

/** Two sockets connected over loopback. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: false }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  const [peer] = await accepted
  server.close()
  socket.setNoDelay(true)
  peer.setNoDelay(true)
  return [socket, peer]
}

/** A link between two real sockets; the callee serves with `onRequest`, the caller refuses. */
export async function linkPair(
  onRequest: OnRequest,
  limits: Partial<LinkLimits> = {},
  turnOptions: Partial<TurnOptions> = {},
): Promise<LinkPair> {
  const [callerSocket, calleeSocket] = await socketPair()
  const wheel = new TimerWheel()
  const turns = new TurnQueue(wheel, turnOptions)
  const caller = rpcLink({ stream: socketStream(callerSocket), wheel, onRequest: () => 'caller', limits })
  const callee = rpcLink({ stream: socketStream(calleeSocket), wheel, turns, onRequest, limits })
  return {
    caller,
    callee,
    callerSocket,
    calleeSocket,
    stop() {
      caller.close()
      callee.close()
      wheel.stop()
    },
  }
}

/** {@link linkPair} for a spec file: pairs stop after the test that opened them. */
export function linkPairs(
  turnOptions: Partial<TurnOptions> = {},
): (onRequest: OnRequest, limits?: Partial<LinkLimits>) => Promise<LinkPair> {
  const open: LinkPair[] = []
  afterEach(() => {
    for (const pair of open.splice(0)) pair.stop()
  })
  return async (onRequest, limits) => {
    const pair = await linkPair(onRequest, limits, turnOptions)
    open.push(pair)
    return pair
  }
}
