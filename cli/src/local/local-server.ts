import { newAddress, socketPath } from '@agent-mesh/agent/gateway/local-address'
import { replaceFile } from '@agent-mesh/agent/identity/private-file'
import { toMeshError } from '@agent-mesh/protocol/errors'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import type { Server } from 'node:http'

import { commandDefaults } from '../defaults.ts'
import { servePipes } from '../ports/pipe-upgrades.ts'
import { handlerServer } from './handler-server.ts'
import { localApp } from './local-app.ts'
import type { LocalDaemon } from './local-daemon.ts'

export interface LocalServer {
  /** Idempotent; ends open requests. */
  stop(): Promise<void>
}

/**
 * Serves `daemon` on the socket of an owned data folder; a socket file that a crash left behind is replaced.
 * @throws MeshError internal when it cannot listen
 */
export async function serveLocal(
  folder: string,
  daemon: LocalDaemon,
  platform = process.platform,
): Promise<LocalServer> {
  const path = socketPath(folder)
  const address = newAddress(folder, platform)
  const named = address === path ? undefined : path
  await rm(path, { force: true })
  const server = handlerServer(localApp(daemon), commandDefaults.localRequestBytes)
  const resetPipes = servePipes(server, daemon)
  // Messages of a stream may come for days: its client is a process of the owner.
  server.requestTimeout = 0
  // The socket is made within listen(): with this mask no other user can open it, at no moment.
  const mask = process.umask(0o177)
  try {
    server.listen(address)
  } finally {
    process.umask(mask)
  }
  try {
    await once(server, 'listening')
    // Clients find the pipe when it is there.
    if (named !== undefined) await replaceFile(named, address)
  } catch (error) {
    server.close()
    throw toMeshError(error, 'internal', `listen on ${path}`)
  }
  let stopped: Promise<void> | undefined
  return { stop: () => (stopped ??= stop(server, resetPipes, named)) }
}

/** @param named the file that names its pipe */
async function stop(server: Server, resetPipes: () => void, named: string | undefined): Promise<void> {
  if (named !== undefined) await rm(named, { force: true })
  const closed = once(server, 'close')
  // Node removes the socket file with the listener.
  server.close()
  server.closeAllConnections()
  resetPipes()
  await closed
}
