import { auditRoot, nextAuditEntry, verifyAuditChain } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  dynamoDbMissing,
  startDynamoDbLocal,
  type DynamoDbLocal,
} from '../../../../test/support/dynamodb-local.ts'
import { auditChain } from './audit.ts'
import { auditOutbox } from './audit-outbox.ts'
import { KeyedQueue } from './contention.ts'
import { prepareDynamoTable } from './prepare-table.ts'
import { Dynamo } from './dynamo.ts'
import { keys } from './table.ts'

describe.skipIf(dynamoDbMissing() !== undefined)('the audit chain in blocks', () => {
  let dynamo: DynamoDbLocal
  let db: Dynamo
  beforeAll(async () => {
    dynamo = await startDynamoDbLocal()
    const options = { table: 'blocks', endpoint: dynamo.endpoint }
    await prepareDynamoTable(options, { create: true, expiry: false })
    db = new Dynamo(options)
  })
  afterAll(async () => {
    db.close()
    await dynamo.stop()
  })

  test('goes on over the end of a block, for writers that saw it and for those that begin', async () => {
    const event = { at: 1, who: 'admin', what: 'policy' as const }
    const first = nextAuditEntry({ seq: 9_997, hash: auditRoot.hash }, event)
    await db.write({ put: { ...keys.audit(first.seq), ...first } as never })
    const begin = () => {
      const chain = auditChain({ db, queue: new KeyedQueue() })
      return { ...chain, ...auditOutbox({ db, chain }) }
    }
    const [one, other] = [begin(), begin()]
    for (const writer of [one, other, one, other, other]) await writer.appendAudit(event)
    await begin().appendAudit(event)

    const entries = await begin().listAudit({ after: 9_997, limit: 100 })
    expect(entries.map(({ seq }) => seq)).toEqual([9_998, 9_999, 10_000, 10_001, 10_002, 10_003, 10_004])
    expect(verifyAuditChain(entries, { from: { seq: 9_997, hash: auditRoot.hash } })).toBeUndefined()
    expect((await one.readAuditHead()).seq).toBe(10_004)
    expect(await db.get(keys.auditHint)).toMatchObject({ block: 1 })
  })
})
