/**
 * Enrols relays, and the agents that reports move, in a table. Only these: a million rows take hours to write to DynamoDB
 * Local, and a key-value store answers for one row whatever the others are. The size is that of these rows, multiplied.
 */
import { createHash, randomBytes } from 'node:crypto'
import { openDynamoStore, prepareDynamoTable, type Store } from '@agent-mesh/lambdas'
import { recordOfSize, type Fleet } from './fleet.ts'

const hour = 3600_000
const credential = 'c'.repeat(520)

export interface SeededTable {
  /** Bytes of a member's rows. */
  readonly memberBytes: number
}

export async function seedDynamoDb(table: string, endpoint: string, fleet: Fleet): Promise<SeededTable> {
  await prepareDynamoTable({ table, endpoint }, { create: true, expiry: false })
  const store = openDynamoStore({ table, endpoint, maxMembers: 1_000_000 })
  try {
    const { relays, movers } = fleet
    await enrolAll(
      store,
      'relay',
      relays.map(({ signer }) => signer.kid),
    )
    const before = await tableBytes(endpoint, table)
    const serials = await enrolAll(
      store,
      'agent',
      movers.map(({ kid }) => kid),
    )
    for (const [i, signer] of movers.entries()) {
      const serial = serials[i] ?? ''
      const record = await recordOfSize(signer, serial, [signer.kid, signer.kid])
      const services = ['math', 'math@2']
      await store.directory.putMember({ peerId: signer.kid, serial, incarnation: 1, record, services })
    }
    const memberBytes = ((await tableBytes(endpoint, table)) - before) / movers.length
    return { memberBytes }
  } finally {
    await store.close()
  }
}

/** @returns the serials */
async function enrolAll(store: Store, role: string, peerIds: readonly string[]): Promise<string[]> {
  const tokenHash = createHash('sha256').update(randomBytes(32)).digest('base64url')
  const createdAt = Date.now()
  const token = {
    hash: tokenHash,
    roles: [role],
    tags: ['linux', 'rack-7'],
    ephemeral: false,
    uses: peerIds.length,
  }
  await store.tokens.createToken({ ...token, createdAt, createdBy: 'bench', expiresAt: createdAt + hour })
  const serials: string[] = []
  for (const [i, peerId] of peerIds.entries()) {
    const serial = randomBytes(16).toString('base64url')
    const expiresAt = createdAt + 21 * 24 * hour
    await store.enrolments.redeem({ tokenHash, peerId, requestedName: `${role}${i}`, serial, expiresAt })
    await store.enrolments.recordCredential({ peerId, serial, credential, expiresAt })
    serials.push(serial)
  }
  return serials
}

async function tableBytes(endpoint: string, table: string): Promise<number> {
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': 'DynamoDB_20120810.DescribeTable',
    // DynamoDB Local reads of a signature only whose it is.
    authorization:
      'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
  }
  const response = await fetch(endpoint, {
    method: 'POST',
    headers,
    body: JSON.stringify({ TableName: table }),
  })
  return ((await response.json()) as { Table: { TableSizeBytes: number } }).Table.TableSizeBytes
}
