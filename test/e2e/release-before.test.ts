/** Members of this release and of the one before, each a process of its own, in one mesh. */
import { attach, defineService, type Agent } from '@agent-mesh/agent'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'

import { refusal } from '../support/refusal.ts'
import { releaseBeforeMissing } from '../support/release-before.ts'
import { commandsOfBoth, TwoReleases, type Release } from '../support/two-releases.ts'

const releases = ['today', 'before'] as const
const other = (release: Release): Release => (release === 'today' ? 'before' : 'today')
const patient = { timeout: 60_000, interval: 100 }

/** What callers of today know of the service. */
const parcels = defineService({
  name: 'parcels',
  version: 1,
  methods: {
    add: { params: z.object({ a: z.number(), b: z.number() }), result: z.number(), effects: 'read' },
    lost: {
      params: z.object({ id: z.string() }),
      result: z.null(),
      errors: { no_such_parcel: z.object({ id: z.string() }) },
    },
    breaks: { params: z.object({}), result: z.null() },
    size: { params: z.object({ text: z.string() }), result: z.number(), effects: 'read' },
    watch: { params: z.object({ count: z.number() }), yields: z.number(), result: z.number() },
  },
})

describe.skipIf(releaseBeforeMissing() !== undefined)('members of two releases', () => {
  let commands: Awaited<ReturnType<typeof commandsOfBoth>>
  beforeAll(async () => void (commands = await commandsOfBoth()))
  afterAll(() => commands.remove())

  describe.each(releases)('with control plane and relay of %s', release => {
    let mesh: TwoReleases
    let direct: Agent
    let relayed: Agent
    beforeAll(async () => {
      mesh = await TwoReleases.start(commands, release)
      const join = await mesh.token(release, '--uses', '4')
      ;[direct, relayed] = await Promise.all([
        mesh.library('any', join),
        mesh.library('relay', join),
        ...releases.map(of => mesh.agent(of, of, ['--join', join])),
      ])
    })
    afterAll(() => mesh.end())

    /** Calls are made by the process of that release. */
    const caller = (of: Release) => attach({ data: mesh.data(of), contracts: [parcels] })

    it('see each other online, each running its own release', async () => {
      for (const of of releases) {
        const agent = await caller(of)
        await vi.waitFor(async () => {
          const online = (await agent.peers()).flatMap(peer => (peer.online ? [peer.name] : []))
          expect(online).toEqual(expect.arrayContaining(['relay', other(of), 'library-any', 'library-relay']))
        }, patient)
        // Only this release tells it.
        expect((await agent.status()).checks !== undefined).toBe(of === 'today')
      }
    })

    it.each([
      ['today', 'before'],
      ['before', 'today'],
    ] as const)('call from %s to %s', async (from, to) => {
      const agent = await caller(from)
      expect(await agent.call('parcels.add', { a: 1, b: 2 }, { peer: to })).toBe(3)
      const { results } = await agent.callAll('parcels.add', { a: 2, b: 2 })
      expect(results.map(({ name, ok }) => [name, ok]).sort()).toEqual([
        ['before', true],
        ['today', true],
      ])
    })

    it('call through the relay, and stay there', async () => {
      for (const of of releases) {
        const { value, path } = await relayed.ask('parcels.add', { a: 1, b: 2 }, { peer: of })
        expect([of, value, path]).toEqual([of, 3, 'relay'])
        const agent = await caller(of)
        const info = await agent.call('host.info' as never, {} as never, { peer: 'library-relay' })
        expect(info).toHaveProperty('hostname')
      }
    })

    it('get errors of handlers as the release of the callee makes them', async () => {
      for (const of of releases) {
        const agent = await caller(of)
        const lost = (peer: Release) =>
          agent.call('parcels.lost', { id: '7' }, { peer }).catch((e: unknown) => e)
        const message = 'Cannot call parcels.lost: there is no parcel 7'
        expect(await lost('today')).toMatchObject({ code: 'application', message, details: { id: '7' } })
        expect(await lost('before')).toMatchObject({ code: 'application', message })
        const breaks = (peer: Release) => refusal(agent.call('parcels.breaks', {}, { peer }))
        expect(await breaks('today')).toMatch(/^internal: Cannot call parcels.breaks: its handler failed/)
        expect(await breaks('before')).toMatch(/^application: Cannot call parcels.breaks: the password/)
      }
    })

    it('refuse with types what the release before has not, or ask a member that has it', async () => {
      const count = { count: 3 }
      for (const agent of [direct, relayed]) {
        const client = agent.service(parcels)
        expect(await refusal(client.watch(count, { peer: 'before' }).result)).toBe(
          'unsupported: Cannot stream parcels@1.watch: the version of its callee has no streams',
        )
        expect(await client.watch(count).result).toBe(3)
        const large = { text: 'x'.repeat(1_200_000) }
        expect(await client.size(large, { peer: 'today' })).toBe(1_200_000)
        expect(await refusal(client.size(large, { peer: 'before' }))).toMatch(/^too_large: /)
        expect(await refusal(agent.connect('before', 'ssh'))).toBe(
          'unsupported: Cannot connect to port ssh of before: its version of Agent Mesh has no pipes',
        )
      }
    })

    it('take the commands of the other release on their sockets', async () => {
      for (const of of releases) {
        const { peers } = await mesh.run(other(of), of, 'peers')
        expect((peers as { name: string }[]).map(({ name }) => name)).toContain(other(of))
        const sum = await mesh.run(other(of), of, 'call', 'parcels.add', '{"a":1,"b":2}')
        expect(sum).toMatchObject({ value: 3 })
      }
      const stream = await mesh.run('today', 'before', 'stream', 'parcels.watch', '{"count":3}')
      expect(stream).toMatchObject({ error: { code: 'unsupported' } })
    })

    it('are all in the health of the mesh', async () => {
      await vi.waitFor(async () => {
        const { regions } = await mesh.run(other(release), 'control-plane', 'health')
        expect((regions as { online: number }[]).reduce((sum, { online }) => sum + online, 0)).toBe(5)
      }, patient)
    })

    it('publish and subscribe beside members without topics', async () => {
      const seen: unknown[] = []
      await relayed.subscribe('parcels.moved', { onMessage: ({ value }) => void seen.push(value) })
      await vi.waitFor(async () => {
        expect((await direct.publish('parcels.moved', 'b', { acks: 1, timeout: 500 })).acks).toBe(1)
      }, patient)
      expect(seen).toContain('b')
      for (const of of releases)
        expect(await (await caller(of)).call('parcels.add', { a: 1, b: 2 }, { peer: of })).toBe(3)
    })
  })
})
