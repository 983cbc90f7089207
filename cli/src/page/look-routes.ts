/** What the page shows, and calls of methods. */
import { localCallRequest, type LocalPeer } from '@agent-mesh/protocol/local-api'
import { MeshError } from '@agent-mesh/protocol/errors'
import * as z from 'zod/mini'

import { ownApps } from '../gateway/own-apps.ts'
import { describedBy } from '../local/described-services.ts'
import { json, type HandledRequest, type Routes } from '../local/handler-server.ts'
import { parseExact } from '../local/parse-exact.ts'
import type { LiveMembers } from './live-members.ts'
import { liveReply } from './live-stream.ts'
import { queried } from './page-app.ts'
import { pageDefaults } from './page-defaults.ts'
import type { PageSource } from './page-source.ts'
import { pathSentence } from './path-sentence.ts'
import type { RoundTrips } from './round-trips.ts'

const callRequest = z.pick(localCallRequest, { method: true, params: true, peer: true })

export const lookRoutes = (source: PageSource, live: LiveMembers, trips: RoundTrips): Routes => ({
  'GET /api/live': ({ signal }) => liveReply(live, signal),
  'GET /api/path': async request => {
    const report = await source.local(request.signal).path({ peer: queried(request, 'peer') })
    return json({ report, sentence: pathSentence(report, live.nameOf) })
  },
  'GET /api/latency': ({ query }) => json({ points: trips.points(query.get('peer') ?? undefined) }),
  'GET /api/ports': async ({ signal }) => json({ ports: await source.local(signal).ports() }),
  'GET /api/health': async ({ signal }) => {
    const { admin } = source
    return json(admin === undefined ? {} : await admin.health(signal, 1))
  },
  'GET /api/services': async ({ signal }) => json({ services: await source.local(signal).services() }),
  'GET /api/describe': request => describeReply(source, request),
  'POST /api/call': async ({ text, signal }) => {
    const request = parseExact(callRequest, await text(), 'read the call', 'request')
    // Whose audit logs name the page as the program.
    const options = { app: ownApps.page, timeoutMs: pageDefaults.callMs }
    return json(await source.local(signal).call({ ...request, ...options }))
  },
})

/** By the first provider that answers. */
async function describeReply(source: PageSource, request: HandledRequest) {
  const wanted = queried(request, 'service')
  const client = source.local(request.signal)
  const services = await client.services()
  const providers = services.find(({ service }) => service === wanted)?.providers ?? []
  const online = providers.filter((each: Pick<LocalPeer, 'online'>) => each.online)
  let failure: unknown = new MeshError('unavailable', `Cannot describe ${wanted}: no provider is online`)
  for (const { peerId } of online.slice(0, 3)) {
    try {
      const [described] = await describedBy(client, peerId, wanted)
      if (described !== undefined) return json(described)
    } catch (error) {
      failure = error
    }
  }
  throw failure
}
