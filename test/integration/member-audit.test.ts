import {
  auditEntries,
  controlPlaneClient,
  defineService,
  loadIdentity,
  verifyAuditFiles,
} from '@agent-mesh/agent'
import type { AuditEntry } from '@agent-mesh/protocol'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { LocalMesh } from '../support/local-mesh.ts'
import { refusal } from '../support/refusal.ts'
import { stranger } from '../support/stranger.ts'

const vault = defineService({
  name: 'vault',
  version: 1,
  methods: { open: { params: z.object({}), result: z.string() } },
})

describe('the audit log of members', () => {
  let mesh: LocalMesh
  beforeAll(async () => {
    mesh = await LocalMesh.start()
    await mesh.letAgentsCall('service:host.*')
  })
  afterAll(() => mesh.stop())

  const entriesOf = async (name: string): Promise<AuditEntry[]> => {
    const entries: AuditEntry[] = []
    for await (const entry of auditEntries(mesh.data(name))) entries.push(entry)
    return entries
  }
  const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 50 })

  it('tells of the own join, of denied calls as one entry, and of strangers; and goes on after a restart', async () => {
    const server = await mesh.agent({ name: 'server' })
    server.serve({ contract: vault, handlers: { open: () => 'opened' } })
    const outsider = await mesh.agent({ name: 'outsider' })
    await vi.waitFor(
      () => expect(outsider.services().map(({ service }) => service)).toContain('vault@1'),
      20_000,
    )
    for (let i = 0; i < 5; i++)
      expect(await refusal(() => outsider.ask('vault.open', {}))).toMatch(/^permission_denied/)
    await soon(async () => {
      const denied = (await entriesOf('server')).filter(({ what }) => what === 'denied')
      expect(denied).toHaveLength(1)
      expect(denied[0]).toMatchObject({
        who: outsider.peerId,
        detail: { name: 'outsider', action: 'call', target: 'service:vault.open' },
      })
    })
    await server.stop()
    const again = await mesh.startAgent({ name: 'server' })
    await again.stop()
    const entries = await entriesOf('server')
    expect(entries[0]).toMatchObject({ what: 'join', who: server.peerId, detail: { name: 'server' } })
    // Members that dial it while it stops are refused, and come between.
    expect(entries.findLast(({ what }) => what === 'denied')).toMatchObject({ detail: { count: 4 } })
    expect(await verifyAuditFiles(mesh.data('server'))).toMatchObject({ first: 1, broken: undefined })
  })

  it('counts strangers by the reason they were refused for, whoever they are', async () => {
    const agent = await mesh.agent({ name: 'door' })
    const addr = agent.status().addrs[0] ?? ''
    for (let i = 0; i < 3; i++) {
      const outsider = await stranger()
      const visit = await outsider.visit({ peerId: agent.peerId, addr })
      await visit.hello({ versions: [1], credential: 'a.b.c' })
      await visit.over
      await outsider.stop()
    }
    await agent.stop()
    const refused = (await entriesOf('door')).filter(({ what }) => what === 'refused')
    expect(refused.map(({ detail }) => detail?.['count'])).toEqual([undefined, 2])
  })

  it('tells whom a revocation cut off, and the control plane who was revoked', async () => {
    const victim = await mesh.agent({ name: 'victim' })
    const witness = await mesh.agent({ name: 'witness' })
    await vi.waitFor(() => witness.ping('victim'), { timeout: 20_000 })
    const { adminIdentityFile, url, meshId } = mesh.controlPlane
    const { signer } = await loadIdentity(dirname(adminIdentityFile), basename(adminIdentityFile))
    const admin = controlPlaneClient({ url, meshId, signer })
    await admin.revoke({ name: 'victim' })
    await vi.waitFor(
      async () => {
        const cut = (await entriesOf('witness')).find(({ what }) => what === 'cut-off')
        expect(cut).toMatchObject({ who: victim.peerId, detail: { name: 'victim' } })
      },
      { timeout: 20_000, interval: 50 },
    )
    const { entries } = await admin.audit({ last: 5 })
    expect(entries.find(({ what }) => what === 'revoke')).toMatchObject({ who: signer.kid })
  })

  it('warns in status when it cannot be written, and the agent serves on', async () => {
    const agent = await mesh.agent({ name: 'full' })
    await agent.stop()
    await rm(join(mesh.data('full'), 'audit.jsonl'))
    const blocked = join(mesh.data('full'), 'audit.jsonl', 'in-the-way')
    await mkdir(join(mesh.data('full'), 'audit.jsonl'))
    await writeFile(blocked, '')
    const again = await mesh.startAgent({ name: 'full', join: await mesh.token() })
    await soon(async () => {
      expect(again.status().warnings.join()).toContain('audit log cannot be written')
    })
    expect(await again.ask('host.info', {}, { peer: 'full' })).toMatchObject({ peerId: again.peerId })
  })
})
