import type { LocalStatus } from '@agent-mesh/protocol/local-api'
import { afterEach, expect, test } from 'vitest'

import { serveOperations } from './operations-server.ts'

const status: LocalStatus = {
  kind: 'agent',
  version: '1',
  pid: 7,
  startedAt: 0,
  meshId: 'm',
  ready: true,
  warnings: [],
  relays: [],
  addrs: [],
  services: [],
  members: { known: 1, online: 1 },
  links: { direct: 0, webrtc: 0, relay: 0 },
}

const stops: (() => Promise<void>)[] = []
afterEach(() => Promise.all(stops.splice(0).map(stop => stop())))

async function serve(read: () => LocalStatus) {
  const server = await serveOperations({
    listen: { host: '127.0.0.1', port: 0 },
    status: read,
    metrics: () => Promise.resolve(''),
  })
  stops.push(() => server.stop())
  return server.url
}

test('/ready names the checks that fail and those that did not run yet, and /health looks at none', async () => {
  const checks = [
    { name: 'disk', level: 'passing', since: 0 },
    { name: 'queue', level: 'failing', reason: 'no broker', since: 0 },
    { name: 'cache', level: 'unknown', reason: 'it has not run yet', since: 0 },
    { name: 'loop', level: 'warning', reason: 'slow', since: 0 },
  ]
  const url = await serve(() => ({ ...status, ready: false, checks }))
  const ready = await fetch(`${url}/ready`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toMatchObject({
    status: 'not ready',
    failing: [
      { check: 'queue', reason: 'no broker' },
      { check: 'cache', reason: 'it has not run yet' },
    ],
  })
  expect((await fetch(`${url}/health`)).status).toBe(200)
})

test('/health answers 200 while the process cannot even read its status: it looks at no dependency', async () => {
  const url = await serve(() => {
    throw new Error('the store is gone')
  })
  expect((await fetch(`${url}/ready`)).status).not.toBe(200)
  const health = await fetch(`${url}/health`)
  expect(health.status).toBe(200)
  expect(await health.json()).toEqual({ status: 'ok' })
})
