/** How long it takes until an address answers, without a handshake of the mesh: for `netcheck`. */
import { connect } from 'node:net'
import { MeshError, toMeshError } from '@agent-mesh/protocol'
import { partsOf } from '../address.ts'
import type { Proxy } from './proxy.ts'
import { openWebSocket } from './web-socket.ts'

export interface ReachOptions {
  /** WebSockets go through it. */
  proxy?: Proxy | undefined
  signal: AbortSignal
}

/**
 * Connects and hangs up. @returns milliseconds to the open TCP connection or WebSocket
 * @throws MeshError unavailable, permission_denied (the proxy's word), deadline_exceeded, cancelled
 */
export async function reach(addr: string, { proxy, signal }: ReachOptions): Promise<number> {
  const parts = partsOf(addr)
  if (parts === undefined)
    throw new MeshError('invalid_argument', `Cannot reach ${addr}: it is no TCP address`)
  const { host, port, over } = parts
  const startedAt = performance.now()
  if (over === 'tcp') await touch(host, port, signal)
  else (await openWebSocket({ host, port, secure: over === 'wss' }, { proxy, signal })).terminate()
  return performance.now() - startedAt
}

async function touch(host: string, port: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const action = `reach ${host}:${port}`
  const cancel = () => reject(toMeshError(signal.reason, 'cancelled', action))
  const socket = connect({ host, port }, () => resolve())
  socket.on('error', error => reject(toMeshError(error, 'unavailable', action)))
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  try {
    await promise
  } finally {
    signal.removeEventListener('abort', cancel)
    socket.destroy()
  }
}
