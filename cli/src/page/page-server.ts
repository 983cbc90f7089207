/** Serves the page on a loopback port of this machine. */
import { handlerServer, type Handler } from '../local/handler-server.ts'
import { listenOn } from '../local/listen-on.ts'
import { adminRoutes } from './admin-routes.ts'
import { LiveMembers } from './live-members.ts'
import { lookRoutes } from './look-routes.ts'
import { pageApp } from './page-app.ts'
import { pageDefaults } from './page-defaults.ts'
import { pageFiles } from './page-files.ts'
import { PageSession } from './page-session.ts'
import type { PageSource } from './page-source.ts'
import { RoundTrips } from './round-trips.ts'

export interface RunningPage {
  url: string
  /** Opens the page, once. */
  oneTimeUrl: string
  /** Idempotent; ends open requests. */
  stop(): Promise<void>
}

/** @param listen a loopback address @throws MeshError conflict when another process has the port; unavailable */
export async function servePage(
  source: PageSource,
  listen: { host: string; port: number },
): Promise<RunningPage> {
  const files = await pageFiles()
  // It knows its own address only when it listens.
  const app = Promise.withResolvers<Handler>()
  const server = handlerServer(async request => (await app.promise)(request), pageDefaults.bodyBytes, {
    headersTimeout: pageDefaults.headMs,
    requestTimeout: pageDefaults.requestMs,
    connectionsCheckingInterval: pageDefaults.checkMs,
    maxHeaderSize: pageDefaults.headBytes,
    // Of two hosts or types none is the one that was checked.
    joinDuplicateHeaders: true,
  })
  server.maxConnections = pageDefaults.connections
  const { url, closed } = await listenOn(server, {
    ...listen,
    what: 'the page',
    hint: 'Choose another port: --listen 127.0.0.1:PORT; without it any free port is taken.',
    onError: ({ message }) => process.stderr.write(`The page cannot accept a connection: ${message}\n`),
  })
  const session = new PageSession()
  const live = new LiveMembers(source)
  const trips = new RoundTrips(source)
  const routes = { ...lookRoutes(source, live, trips), ...adminRoutes(source, live) }
  app.resolve(pageApp({ url, session, files, routes }))
  // Read before the first tab asks for it.
  const warm = live.look()
  let stopped: Promise<void> | undefined
  const stop = async () => {
    server.close()
    server.closeAllConnections()
    await Promise.all([live.stop(), trips.stop()])
    await Promise.all([warm, closed])
  }
  // After #: no request has it, and no log.
  return { url, oneTimeUrl: `${url}/#key=${session.key}`, stop: () => (stopped ??= stop()) }
}
