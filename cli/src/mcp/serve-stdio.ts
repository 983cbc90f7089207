/** `agent-mesh mcp`: the server of one assistant, on standard input and output, until it closes them. */
import { setTimeout as sleep } from 'node:timers/promises'

import type { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'

import { localClient } from '../local/local-client.ts'
import { mcpDefaults } from './mcp-defaults.ts'
import { meshServer } from './mesh-server.ts'
import { socketMesh } from './socket-mesh.ts'
import { ToolCatalogue } from './tool-catalogue.ts'

/** @param folder data folder of the agent @throws MeshError when no agent runs there */
export async function serveAssistant(folder: string, signal: AbortSignal): Promise<void> {
  await localClient(folder, signal).services()
  const mesh = socketMesh(folder, signal)
  const catalogue = new ToolCatalogue(mesh)
  const servers = new Set<McpServer>()
  const closed = Promise.withResolvers<void>()
  process.stdin.once('end', closed.resolve).once('close', closed.resolve)
  const serving = serveStdio(() => {
    const server = meshServer({ mesh, catalogue })
    servers.add(server)
    return server
  })
  const ended = new AbortController()
  signal.addEventListener('abort', () => closed.resolve(), { once: true })
  const watching = watchServices(folder, AbortSignal.any([signal, ended.signal]), () => tellChanged(servers))
  try {
    await closed.promise
  } finally {
    ended.abort()
    await watching
    await serving.close()
  }
}

async function tellChanged(servers: ReadonlySet<McpServer>): Promise<void> {
  // One that a client only asked who it is has no connection any more.
  for (const { server } of servers) await server.sendToolListChanged().catch(() => undefined)
}

/** Calls `changed` when services came or went. An agent that restarts is waited for. */
async function watchServices(
  folder: string,
  signal: AbortSignal,
  changed: () => Promise<void>,
): Promise<void> {
  const look = async () => {
    const services = await localClient(folder, signal).services()
    return services
      .filter(({ providers }) => providers.some(({ online }) => online))
      .map(({ service }) => service)
      .sort()
      .join(' ')
  }
  let before = await look().catch(() => undefined)
  while (!signal.aborted) {
    await sleep(mcpDefaults.lookMs, undefined, { signal }).catch(() => undefined)
    const now = await look().catch(() => undefined)
    if (now === undefined || now === before) continue
    before = now
    await changed()
  }
}
