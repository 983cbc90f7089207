import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalStatus } from '@agent-mesh/protocol/local-api'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { localClient } from '../local/local-client.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { LiveMembers } from './live-members.ts'

const status: LocalStatus = {
  ...{ kind: 'agent', version: '0.1.0', pid: 1, startedAt: 0, meshId: 'm', ready: true },
  ...{ name: 'desk', peerId: 'p', warnings: [], relays: [], addrs: [], services: [] },
  members: { known: 0, online: 0 },
  links: { direct: 0, webrtc: 0, relay: 0 },
}
let asked = 0
/** What the page asks of an agent. */
const agent: Pick<LocalDaemon, 'status' | 'peers'> = {
  status: () => {
    asked++
    return status
  },
  peers: () => [],
}
let folder: string
let server: LocalServer
let live: LiveMembers

beforeEach(async () => {
  asked = 0
  folder = await mkdtemp(join(tmpdir(), 'live-'))
  server = await serveLocal(folder, agent as LocalDaemon)
  const local = (signal?: AbortSignal) => localClient(folder, signal)
  live = new LiveMembers({ admin: undefined, agentFolder: folder, local })
})
afterEach(async () => {
  await live.stop()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

it('shows a tab all members first, until it is closed', async () => {
  const tab = new AbortController()
  for await (const change of live.follow(tab.signal)) {
    expect(change).toMatchObject({ whole: true, rows: [{ name: 'desk', path: 'self' }], gone: [] })
    tab.abort()
  }
  expect(asked).toBeGreaterThan(0)
})

it('asks nothing for a tab that was closed before its stream began', async () => {
  for await (const change of live.follow(AbortSignal.abort())) expect(change).toBeUndefined()
  expect(asked).toBe(0)
})
