/** Whether this host lets a process listen on the addresses given, found out before anything is spent on its start. */
import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

const shape = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})/

const reasons: Record<string, { code: ErrorCode; reason: string }> = {
  EADDRINUSE: { code: 'conflict', reason: 'another process, or another of these addresses, has the port' },
  EADDRNOTAVAIL: { code: 'invalid_argument', reason: 'this machine has no such address' },
  ENOTFOUND: { code: 'invalid_argument', reason: 'this machine knows no such host' },
  EACCES: { code: 'permission_denied', reason: 'this user may not use the port' },
}

/**
 * Listens on all addresses at once, and gives them free again.
 * @param addrs TCP and WebSocket multiaddrs, as they are listened on
 * @throws MeshError conflict, invalid_argument, permission_denied, unavailable for the first that does not work
 */
export async function checkListen(addrs: readonly string[]): Promise<void> {
  const servers: Server[] = []
  try {
    for (const addr of addrs) servers.push(await listenOn(addr))
  } finally {
    await Promise.all(
      servers.map(async server => {
        const closed = once(server, 'close')
        server.close()
        await closed
      }),
    )
  }
}

async function listenOn(addr: string): Promise<Server> {
  const [, kind, host, port] = shape.exec(addr) ?? []
  const server = createServer()
  try {
    if (Number(port) > 65_535) throw new Error(`there is no port ${port}`)
    server.listen({ host, port: Number(port), ipv6Only: kind === 'ip6' })
    await once(server, 'listening')
    return server
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const known = reasons[code]
    const reason = known?.reason ?? (cause instanceof Error ? cause.message : String(cause))
    throw new MeshError(known?.code ?? 'unavailable', `Cannot listen on ${addr}: ${reason}`, {
      cause,
      hint: 'Choose another address with --listen.',
    })
  }
}
