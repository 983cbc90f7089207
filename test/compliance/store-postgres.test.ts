import { openPostgresStore, type Store } from '@agent-mesh/lambdas'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { postgresMissing, startPostgres, type PostgresServer } from '../support/postgres-server.ts'
import type { SetupOptions } from './store-fixture.ts'
import { storeCompliance } from './store.ts'

vi.setConfig({ testTimeout: 60_000 })

describe.skipIf(postgresMissing() !== undefined)('PostgreSQL', () => {
  let server: PostgresServer
  let databases = 0
  const freshDatabase = () => server.database(`mesh_${++databases}`)
  beforeAll(async () => void (server = await startPostgres()), 120_000)
  afterAll(() => server.stop(), 60_000)

  const onDatabase = (handles: number) => ({
    async setup(options: SetupOptions) {
      const url = (await freshDatabase())()
      const open = (): Promise<Store> => openPostgresStore({ url, ...options })
      // At once: each of them brings the schema up to date, or finds that another one does.
      const stores = (await Promise.all(Array.from({ length: handles }, open))) as [Store, ...Store[]]
      const teardown = async (): Promise<void> => {
        for (const store of stores) await store.close()
      }
      return { stores, teardown }
    },
  })

  storeCompliance('PostgreSQL', onDatabase(1))
  storeCompliance('PostgreSQL, two processes of one database', onDatabase(2))

  describe('a PostgreSQL database', () => {
    test('keeps its epoch and contents when it is opened again', async () => {
      const url = (await freshDatabase())()
      const first = await openPostgresStore({ url })
      await first.writePart('policy', 0, 'one')
      const heads = await first.readHeads()
      await first.close()
      const again = await openPostgresStore({ url })
      expect(heads.epoch).toMatch(/^[\w-]{1,32}$/)
      expect(await again.readHeads()).toEqual(heads)
      expect(await again.readPart('policy')).toMatchObject({ document: 'one' })
      await again.close()
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
