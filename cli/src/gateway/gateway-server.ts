/** The loopback port on which programs of this machine, in any language, use its agent over HTTP, gRPC and proxies. */
import type { Server } from 'node:http'

import type { Logger } from '@agent-mesh/agent/observe/logger'

import { handlerServer, type Handler } from '../local/handler-server.ts'
import { listenOn } from '../local/listen-on.ts'
import { asksForWebSocket } from '../ports/pass-requests.ts'
import { BrowserPorts } from './browser/browser-ports.ts'
import type { Browsers } from './browser/browser-routes.ts'
import { otherLoopback } from './browser/other-loopback.ts'
import { serveBrowsers } from './browser/serve-browsers.ts'
import { gatewayDefaults } from './defaults.ts'
import { gatewayApp } from './gateway-app.ts'
import type { GatewayAgent } from './caller.ts'
import { alsoServe } from './first-bytes.ts'
import { serveHttp2 } from './http2/serve-http2.ts'
import { limitConnections } from './limit-connections.ts'
import { serveProxy } from './proxy/serve-proxy.ts'
import { Tunnels } from './proxy/tunnels.ts'
import { isMeshRpc } from './rpc/rpc-request.ts'
import { serveRpc } from './rpc/serve-rpc.ts'
import { serveSockets } from './websocket/serve-sockets.ts'
import { RunningRequests } from './running-requests.ts'
import { GatewayTokens } from './gateway-tokens.ts'

export interface GatewayServerInit {
  agent: GatewayAgent
  /** Data folder of the agent. */
  folder: string
  /** A loopback address. */
  listen: { host: string; port: number }
  log: Logger
}

export interface RunningGateway {
  url: string
  browsers: Browsers
  /** Accepts no connection from now on. Idempotent. */
  refuse(): void
  /** Ends all connections. Idempotent. */
  stop(): Promise<void>
}

/** @throws MeshError conflict when another process has the port; unavailable when it cannot listen */
export async function serveGateway({
  agent,
  folder,
  listen,
  log,
}: GatewayServerInit): Promise<RunningGateway> {
  // It knows its own address only when it listens.
  const app = Promise.withResolvers<Handler>()
  const server = limitedServer(async request => (await app.promise)(request))
  const { url, closed } = await listenOn(server, {
    ...listen,
    what: 'the gateway',
    hint: 'Choose another port: --gateway 127.0.0.1:PORT.',
    onError: err =>
      log.warn({ event: 'gateway-accept-failed', err }, 'the gateway cannot accept a connection'),
  })
  const parts = { agent, log, tokens: new GatewayTokens(folder), running: new RunningRequests() }
  const tunnels = new Tunnels(parts)
  const http2 = serveHttp2(server)
  const stopUnknown = alsoServe(server, { socks: serveProxy(server, tunnels), http2: http2.serve })
  const stopSockets = serveSockets(server, { ...parts, url })
  // Its library takes 26 MB.
  const load = async () => (await import('./rpc/mesh-rpc.ts')).meshRpc({ ...parts, url })
  serveRpc(server, { wants: isMeshRpc, load })
  const other = await otherLoopback(server)
  const browsers = new BrowserPorts({ tunnels, url, refusal: other.refusal })
  serveBrowsers(server, browsers)
  const stopRefusals = limitConnections(server)
  app.resolve(gatewayApp({ ...parts, url, browsers }))
  let stopped: Promise<void> | undefined
  const refuse = () => {
    if (server.listening) server.close()
    other.refuse()
    http2.refuse()
  }
  const stop = async () => {
    refuse()
    stopUnknown()
    tunnels.stop()
    browsers.stop()
    http2.stop()
    stopSockets()
    stopRefusals()
    server.closeAllConnections()
    await Promise.all([closed, other.closed])
  }
  return { url, browsers, refuse, stop: () => (stopped ??= stop()) }
}

function limitedServer(handle: Handler): Server {
  const { connections, refusedConnections, headMs, lookMs, idleMs, bodyBytes, headBytes } = gatewayDefaults
  const server = handlerServer(handle, bodyBytes, {
    headersTimeout: headMs,
    // Messages of a stream may come for days; bodies that are read whole have a time of their own.
    requestTimeout: 0,
    connectionsCheckingInterval: lookMs,
    keepAliveTimeout: idleMs,
    maxHeaderSize: headBytes,
    // Of two hosts, tokens or types none is the one that was checked: joined, they are no valid one.
    joinDuplicateHeaders: true,
    // Clients ask for other protocols as well, and take an answer without.
    shouldUpgradeCallback: asksForWebSocket,
  })
  server.maxConnections = connections + refusedConnections
  return server
}
