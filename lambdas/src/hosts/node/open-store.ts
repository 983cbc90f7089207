/** Which database a control plane uses, and opening it. Drivers are loaded on first use. */
import { MeshError } from '@agent-mesh/protocol'
import { mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Clock } from '../../store/clock.ts'
import { openSqliteStore } from '../../store/sqlite/sqlite-store.ts'
import type { Store } from '../../store/store.ts'
import { fileFailure } from '../../files/whole-file.ts'

export type StoreChoice =
  | { kind: 'sqlite'; file: string }
  /** The URL may hold a password: it is never shown. */
  | { kind: 'postgres'; url: string }
  /** `createTable`: for DynamoDB Local; a stack makes its own. */
  | { kind: 'dynamodb'; table: string; createTable?: boolean }

/**
 * `sqlite:FILE`, `postgres:URL` (or the `postgres://` URL alone), `dynamodb:TABLE`.
 * @throws MeshError invalid_argument, which does not repeat the value: it may hold a password
 */
export function parseStoreChoice(text: string): StoreChoice {
  const [, kind = '', rest = ''] = /^(\w+):(.+)$/s.exec(text) ?? []
  if (kind === 'sqlite') return { kind, file: resolve(rest) }
  if (kind === 'dynamodb' && /^[\w.-]{3,255}$/.test(rest)) return { kind, table: rest }
  if (kind === 'postgres' || kind === 'postgresql') {
    const url = rest.startsWith('//') ? text : rest
    if (URL.canParse(url) && /^postgres(ql)?:\/\//.test(url)) return { kind: 'postgres', url }
    throw refused('its URL is none of postgres://USER@HOST:PORT/DATABASE')
  }
  throw refused(kind === 'dynamodb' ? 'its table has no valid name' : 'it is of no known kind')
}

const refused = (reason: string) =>
  new MeshError('invalid_argument', `Cannot use store: ${reason}`, {
    hint: 'It is sqlite:FILE, postgres:URL or dynamodb:TABLE.',
  })

/** For logs and people: without user and password. */
export function describeStore(choice: StoreChoice): string {
  if (choice.kind === 'sqlite') return `sqlite:${choice.file}`
  if (choice.kind === 'dynamodb') return `dynamodb:${choice.table}`
  const { host, pathname } = new URL(choice.url)
  return `postgres://${host}${pathname}`
}

/** @throws MeshError naming the store, without its password */
export async function openStore(
  choice: StoreChoice,
  options: { clock: Clock; maxMembers?: number },
): Promise<Store> {
  if (choice.kind === 'sqlite') {
    await makePrivate(choice.file)
    return openSqliteStore({ file: choice.file, ...options })
  }
  if (choice.kind === 'dynamodb') {
    const { openDynamoStore } = await import('../../store/dynamodb/dynamo-store.ts')
    const { prepareDynamoTable } = await import('../../store/dynamodb/prepare-table.ts')
    const { table, createTable: create = false } = choice
    await prepareDynamoTable({ table }, { create }).catch((cause: unknown) => notOpened(choice, cause))
    return openDynamoStore({ table, ...options })
  }
  const { openPostgresStore } = await import('../../store/postgres/postgres-store.ts')
  return openPostgresStore({ url: choice.url, ...options }).catch((cause: unknown) =>
    notOpened(choice, cause),
  )
}

/** An operator at a terminal is shown the reason; members that ask later are not. */
function notOpened(choice: StoreChoice, error: unknown): never {
  if (!(error instanceof MeshError) || error.code !== 'unavailable') throw error
  const { cause } = error
  const reason = cause instanceof Error ? cause.message || cause.name : error.message
  throw new MeshError('unavailable', `Cannot open ${describeStore(choice)}: ${reason}`, {
    hint: 'Check address, credentials and network.',
  })
}

/** Folder and database are for their owner alone; SQLite takes an empty file for a new database. */
async function makePrivate(file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await (await open(file, 'a', 0o600)).close()
  } catch (cause) {
    throw fileFailure(`write to ${file}`, cause)
  }
}
