import { openPostgresStore, type Store } from '@agent-mesh/lambdas'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { postgresMissing, startPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { backupSuite } from './backup.ts'
import { expectAllDoneOnce, workThroughFaults } from './store-faults.ts'
import { testClock, type SetupOptions } from './store-fixture.ts'
import { storeCompliance } from './store.ts'
import { joinsSuite } from './store-joins.ts'
import { wrongClockSuite } from './wrong-clock.ts'

const failingAudit = `
  CREATE FUNCTION agent_mesh.no_audit() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'no audit' USING ERRCODE = 'raise_exception'; END $$;
  CREATE TRIGGER no_audit BEFORE INSERT ON agent_mesh.audit
    FOR EACH ROW EXECUTE FUNCTION agent_mesh.no_audit();`

describe.skipIf(postgresMissing() !== undefined)('PostgreSQL', () => {
  let server: PostgresServer
  let databases = 0
  const freshDatabase = () => server.database(`mesh_${++databases}`)
  beforeAll(async () => void (server = await startPostgres()))
  afterAll(() => server.stop())

  const onDatabase = (handles: number) => ({
    async setup(options: SetupOptions) {
      const name = `mesh_${++databases}`
      const url = (await server.database(name))()
      const open = (): Promise<Store> => openPostgresStore({ url, ...options })
      // At the same time: each of them migrates the schema, or waits for another that does.
      const stores = (await Promise.all(Array.from({ length: handles }, open))) as [Store, ...Store[]]
      const teardown = async (): Promise<void> => {
        for (const store of stores) await store.close()
      }
      const breakAudit = async () => {
        await server.run(name, failingAudit)
        return () => server.run(name, 'DROP FUNCTION agent_mesh.no_audit CASCADE')
      }
      return { stores, breakAudit, teardown }
    },
  })

  storeCompliance('PostgreSQL', onDatabase(1))
  storeCompliance('PostgreSQL, two processes of one database', onDatabase(2))
  // Each process may open 10 of the 100 connections.
  joinsSuite('PostgreSQL', onDatabase(8))
  backupSuite('PostgreSQL', async () => ({ kind: 'postgres', url: (await freshDatabase())() }))
  wrongClockSuite('PostgreSQL', async () => (await freshDatabase())())

  describe('a connection to PostgreSQL that breaks', () => {
    const isCommit = (sent: Buffer) => sent.includes('COMMIT')
    const isStatement = (sent: Buffer) => sent.includes('INSERT') || sent.includes('UPDATE')

    test.each([
      ['at every other commit, whose answer is lost, does nothing twice', isCommit, 20],
      ['in the middle of every other write loses nothing', isStatement, 20],
    ])('%s', async (_, where, most) => {
      const proxy = await startTcpProxy(server.port)
      const clock = testClock()
      const store = await openPostgresStore({ url: (await freshDatabase())(proxy.port), clock })
      let turn = 0
      proxy.cutAfter(sent => where(sent) && turn++ % 2 === 0 && proxy.cuts < most)
      await workThroughFaults(store, clock)
      proxy.cutAfter(undefined)
      expect(proxy.cuts).toBeGreaterThan(most / 2)
      await expectAllDoneOnce(store)
      await store.close()
      await proxy.stop()
    })

    test('is made again, also the one that listens', async () => {
      const proxy = await startTcpProxy(server.port)
      const database = await freshDatabase()
      const [store, other] = await Promise.all([
        openPostgresStore({ url: database(proxy.port) }),
        openPostgresStore({ url: database() }),
      ])
      let told = 0
      const stop = store.listen(() => void told++)
      await vi.waitFor(() => expect(told).toBeGreaterThan(0), 30_000)
      const connection: boolean[] = []
      store.onConnection?.(connected => connection.push(connected))
      proxy.cut()
      await vi.waitFor(() => {
        expect(told).toBeGreaterThan(1)
        expect(connection).toEqual([false, true])
      }, 30_000)
      const before = told
      await other.headParts.writePart('policy', 0, 'one')
      await vi.waitFor(() => expect(told).toBeGreaterThan(before), 30_000)
      expect(await store.headParts.readPart('policy')).toMatchObject({ document: 'one' })
      stop()
      await Promise.all([store.close(), other.close()])
      // A store that is closed lost nothing.
      expect(connection).toHaveLength(2)
      await proxy.stop()
    })
  })

  describe('a PostgreSQL database', () => {
    test('keeps its epoch and contents when it is opened again', async () => {
      const url = (await freshDatabase())()
      const first = await openPostgresStore({ url })
      await first.headParts.writePart('policy', 0, 'one')
      const heads = await first.directory.readHeads()
      await first.close()
      const again = await openPostgresStore({ url })
      expect(heads.epoch).toMatch(/^[\w-]{1,32}$/)
      expect(await again.directory.readHeads()).toEqual(heads)
      expect(await again.headParts.readPart('policy')).toMatchObject({ document: 'one' })
      await again.close()
    })

    test('whose disk is full is named, serves reads, and is ready again once it can write', async () => {
      const name = `mesh_${++databases}`
      const store = await openPostgresStore({ url: (await server.database(name))() })
      await server.run(
        name,
        `CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
         CREATE TRIGGER full_parts BEFORE INSERT ON agent_mesh.head_parts EXECUTE FUNCTION no_room();
         CREATE TRIGGER full_epoch BEFORE UPDATE ON agent_mesh.epoch EXECUTE FUNCTION no_room();`,
      )
      await store.ping()
      const full = { code: 'unavailable', message: expect.stringContaining('disk full') as unknown }
      await expect(store.headParts.writePart('policy', 0, 'one')).rejects.toMatchObject(full)
      expect((await store.directory.readHeads()).v).toHaveLength(16)
      await expect(store.ping()).rejects.toMatchObject(full)
      await server.run(name, 'DROP FUNCTION no_room CASCADE')
      await store.ping()
      await store.headParts.writePart('policy', 0, 'one')
      await store.close()
    })

    test('that cannot be reached is told without its password', async () => {
      const url = 'postgres://mesh:sesame-open@127.0.0.1:1/none'
      const error = await openPostgresStore({ url }).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'unavailable' })
      const { inspect } = await import('node:util')
      expect(inspect(error, { depth: 9 })).not.toContain('sesame')
    })
  })
})
