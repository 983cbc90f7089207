/** Data folders that processes of one release leave to those of the other: an upgrade, and the way back. */
import { attach, defineService } from '@agent-mesh/agent'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'

import { releaseBeforeMissing } from '../support/release-before.ts'
import { commandsOfBoth, TwoReleases, type Release } from '../support/two-releases.ts'

const patient = { timeout: 60_000, interval: 100 }
const members = ['relay', 'one', 'two'] as const
const parcels = defineService({
  name: 'parcels',
  version: 1,
  methods: {
    add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number(), effects: 'read' },
  },
})

describe.skipIf(releaseBeforeMissing() !== undefined)('data folders of members and control plane', () => {
  let commands: Awaited<ReturnType<typeof commandsOfBoth>>
  let mesh: TwoReleases
  let token: string
  let first: unknown[]
  const identities = () => members.map(name => mesh.daemons.get(name)?.ready['peerId'])
  beforeAll(async () => {
    commands = await commandsOfBoth()
    mesh = await TwoReleases.start(commands, 'before')
    token = await mesh.token('before', '--uses', '3')
    await Promise.all(['one', 'two'].map(name => mesh.agent('before', name, ['--join', token])))
    await works('before')
    first = identities()
  })
  afterAll(async () => {
    await mesh?.end()
    await commands.remove()
  })

  /** The agents call each other, and the chains of the audit logs are whole. */
  async function works(release: Release): Promise<void> {
    for (const [from, to] of [
      ['one', 'two'],
      ['two', 'one'],
    ] as const) {
      const agent = await attach({ data: mesh.data(from), contracts: [parcels] })
      await vi.waitFor(async () => {
        const online = (await agent.peers()).flatMap(peer => (peer.online ? [peer.name] : []))
        expect(online).toEqual(expect.arrayContaining(['relay', to]))
        expect(await agent.call('parcels.add', { a: 1, b: 2 }, { peer: to })).toBe(3)
      }, patient)
      // Only this release tells it.
      expect((await agent.status()).checks !== undefined).toBe(release === 'today')
    }
    for (const name of ['control-plane', 'one'])
      expect(await mesh.run(release, name, 'audit', 'verify')).toMatchObject({ verified: true })
  }

  async function restartWith(release: Release): Promise<void> {
    for (const name of ['two', 'one', 'relay', 'control-plane'])
      expect(await mesh.daemons.get(name)?.end('SIGTERM')).toEqual([0, null])
    await mesh.controlPlane(release)
    await mesh.relay(release)
    await Promise.all(['one', 'two'].map(name => mesh.agent(release, name)))
    await works(release)
    expect(identities()).toEqual(first)
  }

  it('are opened by an upgrade: the same members call each other, an old token lets one join', async () => {
    await restartWith('today')
    const joined = await mesh.library('any', token)
    expect(await joined.call('parcels.add' as never, { a: 2, b: 2 } as never, { peer: 'one' } as never)).toBe(
      4,
    )
  })

  it('are opened by the release before again, when the upgrade is undone', async () => {
    await restartWith('before')
  })
})
