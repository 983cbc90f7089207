/** Two processes of the command on one database: a change made at one is known to the other. */
import { randomUUID } from 'node:crypto'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openWorkshop, lastJson, runCommand, type Daemon, type Workshop } from '../support/command.ts'
import { dynamoDbMissing, startDynamoDbLocal } from '../support/dynamodb-local.ts'
import { MapWatcher } from '../support/map-watcher.ts'
import { postgresMissing, startPostgres } from '../support/postgres-server.ts'
import { quickest } from '../support/quickest.ts'
import {
  enrolMember,
  secretOf,
  speakTo,
  type Interlocutor,
  type PlaneMember,
} from '../integration/control-plane-fixture.ts'

interface Backend {
  store: string
  /** Must not be seen anywhere. */
  secret: string
  flags: string[]
  stop(): Promise<void>
}

async function onPostgres(): Promise<Backend> {
  const server = await startPostgres()
  const store = (await server.database('mesh'))()
  return { store, secret: server.password, flags: [], stop: () => server.stop() }
}

async function onDynamo(): Promise<Backend> {
  const server = await startDynamoDbLocal()
  process.env['AWS_ENDPOINT_URL'] = server.endpoint
  const stop = async (): Promise<void> => {
    delete process.env['AWS_ENDPOINT_URL']
    await server.stop()
  }
  return { store: `dynamodb:mesh-${randomUUID()}`, secret: 'no secret', flags: ['--create-table'], stop }
}

const backends = [
  { name: 'PostgreSQL', missing: postgresMissing, start: onPostgres, toldWithinMs: 2_000 },
  { name: 'DynamoDB', missing: dynamoDbMissing, start: onDynamo, toldWithinMs: 12_000 },
]
const keyFiles = ['root-key.json', 'authority-key.json', 'admin-identity.json']

describe.each(backends)('two control planes on one $name', ({ missing, start, toldWithinMs }) => {
  describe.skipIf(missing() !== undefined)('agree', () => {
    let backend: Backend
    let workshop: Workshop
    const daemons: Daemon[] = []
    const planes: Interlocutor[] = []
    let relay: PlaneMember
    let logged = ''

    const startPlane = async (name: string, ...more: string[]): Promise<Daemon> => {
      const { store, flags } = backend
      const args = [
        'control-plane',
        '--listen',
        '127.0.0.1:0',
        '--store',
        store,
        '--log-level',
        'debug',
        ...flags,
        ...more,
      ]
      const daemon = await workshop.start(name, args)
      const { url, meshId } = daemon.ready as { url: string; meshId: string }
      const plane = { plane: { url, meshId }, clock: { now: () => Date.now() } } as Interlocutor
      speakTo(plane)
      daemons.push(daemon)
      daemon.child.stderr?.on('data', (chunk: Buffer) => (logged += chunk.toString()))
      planes.push(plane)
      return daemon
    }
    /** Lets a control plane use the mesh of the first one. */
    const copyKeys = async (name: string): Promise<void> => {
      await mkdir(workshop.folder(name), { mode: 0o700 })
      for (const file of keyFiles)
        await copyFile(join(workshop.folder('one'), file), join(workshop.folder(name), file))
    }

    const tokenAt = async (index: number, ...flags: string[]): Promise<string> => {
      const ran = await runCommand([
        'token',
        'create',
        ...flags,
        '--json',
        '--data',
        daemons[index]?.data ?? '',
      ])
      return secretOf(String(lastJson(ran)['token']))
    }

    beforeAll(async () => {
      backend = await start()
      workshop = await openWorkshop()
      await startPlane('one')
      await copyKeys('two')
      await startPlane('two')
    })
    afterAll(async () => {
      await workshop.end()
      await backend.stop()
    })

    const at = (index: number): Interlocutor => {
      const plane = planes[index]
      if (plane === undefined) throw new Error(`control plane ${index} did not start`)
      return plane
    }

    test('on the mesh, on tokens and on members', async () => {
      expect(at(1).plane.meshId).toBe(at(0).plane.meshId)
      relay = await enrolMember(at(1), await tokenAt(0, '--role', 'relay'), 'relay')
      await relay.publish()
      const { body } = await at(0).ask(relay.signer, 'GET', `/v1/members/${relay.peerId}`)
      expect(body).toMatchObject({ peerId: relay.peerId, name: 'relay' })
      const mapAt = async (index: number) => (await at(index).ask(relay.signer, 'GET', '/v1/map')).body
      expect((await mapAt(0)).changes).toHaveLength(1)
      // The head's numbers, which the new relay raised, are read at most once in 2 s by a process that did not write them.
      const agree = async () => expect(await mapAt(1)).toEqual(await mapAt(0))
      await vi.waitFor(agree, { timeout: 20_000, interval: 100 })
    })

    test('on changes: who watches one is told of what is written to the other', async () => {
      const url = new URL(`${at(0).plane.url.replace('http', 'ws')}/v1/watch`)
      const watcher = new MapWatcher(url, await at(0).authorization(relay.signer, 'GET', url))
      await expect.poll(() => watcher.pages.length, { timeout: 30_000 }).toBeGreaterThan(0)
      const agent = await enrolMember(at(1), await tokenAt(1), 'agent')
      const told = async () => {
        const written = performance.now()
        expect(await agent.publish()).toMatchObject({ status: 200 })
        const afterMs = () => (watcher.receivedAt(agent.peerId) ?? 0) - written
        await expect.poll(afterMs, { timeout: 20_000 }).toBeGreaterThan(0)
        return afterMs()
      }
      expect(await quickest(toldWithinMs, told)).toBeLessThan(toldWithinMs)
      watcher.socket.close()
    })

    test('on health, which keeps no password and has a history', async () => {
      const [data = ''] = daemons.map(daemon => daemon.data)
      // Health is summed up at most once in 2 s: an answer may be from before the members came.
      await vi.waitFor(
        async () => {
          const health = lastJson(await runCommand(['health', '--history', '1h', '--json', '--data', data]))
          const here = { region: 'default', members: 2, relays: 1, relaysLeased: 0 }
          expect(health['regions']).toMatchObject([here])
          expect(health['history']).toBeInstanceOf(Array)
        },
        { timeout: 60_000, interval: 200 },
      )
      const table = await runCommand(['health', '--history', '1h', '--data', data])
      expect(table.stdout).toMatch(/REGION +MEMBERS +ONLINE/)
      const status = await runCommand(['status', '--json', '--data', data])
      const said = [
        table.stdout,
        status.stdout,
        JSON.stringify(daemons.map(({ ready }) => ready)),
        logged,
      ].join()
      expect(logged).toContain('request')
      expect(said).not.toContain(backend.secret)
    })

    test('on a restore: one that takes it up is followed by the other', async () => {
      const startedAt = Date.now()
      await copyKeys('three')
      const { ready, end } = await startPlane('three', '--restored')
      const { numbers } = ready['restored'] as { numbers: Record<string, number> }
      expect(numbers).toMatchObject({ keys: 1 })
      for (const part of ['relays', 'policy', 'revocations'])
        expect(numbers[part]).toBeGreaterThanOrEqual(startedAt)
      const number = async () =>
        lastJson(await runCommand(['policy', 'get', '--json', '--data', daemons[1]?.data ?? '']))['number']
      await vi.waitFor(async () => expect(await number()).toBe(numbers['policy']), 60_000)
      expect(await end()).toEqual([0, null])
      daemons.pop()
      planes.pop()
    })

    test('one goes on when the other is killed', async () => {
      await daemons[0]?.end('SIGKILL')
      const { status, body } = await at(1).ask(relay.signer, 'GET', '/v1/map')
      expect(status).toBe(200)
      expect(body.changes).toHaveLength(2)
      expect(await daemons[1]?.end()).toEqual([0, null])
    })
  })
})

test('a store that cannot be used is told without its password', async () => {
  const workshop = await openWorkshop()
  for (const store of ['postgres://mesh:sesame@127.0.0.1:1/mesh', 'postgres:mesh:sesame', 'mysql:sesame']) {
    const ran = await runCommand(['control-plane', '--store', store, '--data', workshop.folder('none')])
    expect(ran.code).not.toBe(0)
    expect(ran.stderr).toMatch(/Cannot (open|use)/)
    expect(ran.stdout + ran.stderr).not.toContain('sesame')
  }
  await workshop.end()
})
