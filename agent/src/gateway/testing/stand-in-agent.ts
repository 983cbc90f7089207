/** Stands in for the agent of this machine, where a spec says what it answers. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { socketPath } from '../local-address.ts'

/** A server on the local socket of a data folder of its own, and what ends both. */
export async function standInAgent(
  answer: RequestListener,
): Promise<{ folder: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'stand-in-'))
  const server = createServer(answer)
  await once(server.listen(socketPath(folder)), 'listening')
  const stop = async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { folder, stop }
}

/** An answer to `GET /v1/status`. */
export const agentStatus = {
  kind: 'agent',
  version: '0',
  pid: 1,
  startedAt: 0,
  meshId: 'm',
  peerId: 'p',
  name: 'host',
  ready: true,
  warnings: [],
  relays: [],
  addrs: [],
  services: [],
  members: { known: 2, online: 2 },
  links: { direct: 0, webrtc: 0, relay: 0 },
}
