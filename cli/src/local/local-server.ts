import { toMeshError } from '@agent-mesh/protocol/errors'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import type { Server } from 'node:http'

import { socketPath } from '../data/data-folder.ts'
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
export async function serveLocal(folder: string, daemon: LocalDaemon): Promise<LocalServer> {
  const path = socketPath(folder)
  await rm(path, { force: true })
  const server = handlerServer(localApp(daemon), commandDefaults.localRequestBytes)
  const resetPipes = servePipes(server, daemon)
  // Messages of a stream may come for days: its client is a process of the owner.
  server.requestTimeout = 0
  // The socket is made within listen(): with this mask no other user can open it, at no moment.
  const mask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(mask)
  }
  try {
    await once(server, 'listening')
  } catch (error) {
    throw toMeshError(error, 'internal', `listen on ${path}`)
  }
  let stopped: Promise<void> | undefined
  return { stop: () => (stopped ??= stop(server, resetPipes)) }
}

async function stop(server: Server, resetPipes: () => void): Promise<void> {
  const closed = once(server, 'close')
  // Node removes the socket file with the listener.
  server.close()
  server.closeAllConnections()
  resetPipes()
  await closed
}
