/**
 * A rollout of the control plane on AWS shifts requests from the Lambdas of one release to those of the next and back, so both work
 * with the rows of the other: on DynamoDB Local, through the handlers as they are bundled.
 */
import { controlPlaneClient, loadIdentity, type ControlPlaneClient } from '@agent-mesh/agent'
import { bundleLambdas } from '@agent-mesh/infra/lambda-bundle'
import { initMesh, prepareDynamoTable } from '@agent-mesh/lambdas'
import {
  parseJoinToken,
  signHomeClaim,
  signRecord,
  verifyAuditChain,
  verifyCredential,
  verifyHead,
  type MapPage,
} from '@agent-mesh/protocol'
import { DynamoDB } from '@aws-sdk/client-dynamodb'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleReleaseBefore } from '../support/aws/bundle-release-before.ts'
import { runFunction, type RunningFunction } from '../support/aws/run-function.ts'
import { dynamoDbMissing, startDynamoDbLocal, type DynamoDbLocal } from '../support/dynamodb-local.ts'
import { startKmsStandIn, type KmsStandIn } from '../support/kms-stand-in.ts'
import { testKey, type TestKey } from '../support/mesh-fixture.ts'

const names = ['api', 'health', 'sweep'] as const
type Functions = Record<(typeof names)[number], RunningFunction>

/** Rows that these tests write, by the first part of their partition key: all there are but the watchers' (`W`). */
const kindsOfRows = [
  'COUNT',
  'D',
  'EPHEMERAL',
  'H',
  'HEAD',
  'N',
  'P',
  'Q',
  'R',
  'S',
  'SHARDS',
  'T',
  'U',
  'name',
]

/** An enrolled member, with its documents of the mesh. */
interface Enrolled extends TestKey {
  serial: string
}

describe.skipIf(dynamoDbMissing() !== undefined)('the Lambdas of two releases', () => {
  let folder: string
  let dynamo: DynamoDbLocal
  let kms: KmsStandIn
  const bundles = { before: '', today: '' }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'release-before-'))
    ;[dynamo, kms] = await Promise.all([startDynamoDbLocal(), startKmsStandIn()])
    bundles.before = await bundleReleaseBefore(folder, names)
    bundles.today = bundleLambdas(join(folder, 'today'))
  }, 300_000)
  afterAll(async () => {
    await Promise.all([dynamo?.stop(), kms?.stop()])
    await rm(folder, { recursive: true, force: true })
  })

  describe.each([
    ['today', 'before'],
    ['before', 'today'],
  ] as const)('with rows that those of %s wrote, those of %s', (writing, reading) => {
    const started: RunningFunction[] = []
    let writer: Functions
    let reader: Functions
    let meshId: string
    let admin: TestKey['signer']
    let agent: Enrolled
    let relay: Enrolled
    let revoked: Enrolled
    let unused: string
    let cursor: string
    const table = `rows-of-${writing}`

    const ask = (of: Functions, signer: TestKey['signer']): ControlPlaneClient =>
      controlPlaneClient({ url: of.api.url, meshId, signer })
    const start = async (release: keyof typeof bundles): Promise<Functions> => {
      const env = environment(table, [dynamo, kms])
      const running = names.map(async name => {
        const running = await runFunction(join(bundles[release], name), env)
        started.push(running)
        return [name, running] as const
      })
      return Object.fromEntries(await Promise.all(running)) as Functions
    }
    const token = async (of: Functions, role = 'agent'): Promise<string> => {
      const request = { roles: [role], uses: 1, expiresIn: 3_600, region: 'eu' }
      return (await ask(of, admin).createToken(request)).token
    }
    const joins = async (of: Functions, given: string, name: string, more = {}): Promise<Enrolled> => {
      const key = await testKey()
      const secret = Buffer.from(parseJoinToken(given).secret).toString('base64url')
      const { credential, head } = await ask(of, key.signer).enrol({ secret, name, region: 'eu', ...more })
      const { keys } = await verifyHead(meshId, head)
      const { serial } = await verifyCredential(credential, {
        meshId,
        keys,
        now: Date.now(),
        peerId: key.kid,
      })
      return { ...key, serial }
    }
    const publishes = async (of: Functions, { signer, kid, serial }: Enrolled, homeRelays: string[]) => {
      const services = ['math@1']
      const incarnation = Date.now()
      const record = {
        incarnation,
        addrs: ['/ip4/127.0.0.1/tcp/4001'],
        homeRelays,
        region: 'eu',
        services,
        serial,
      }
      await ask(of, signer).publish(await signRecord(signer, record))
      return kid
    }
    const reports = async (of: Functions, seq: number, up: readonly Enrolled[]) => {
      const claims = up.map(({ signer }) =>
        signHomeClaim(signer, { relay: relay.kid, homeSeq: Date.now() + seq }),
      )
      return ask(of, relay.signer).report({
        epoch: 'one-epoch-of-this-relay',
        seq,
        up: await Promise.all(claims),
        down: [],
        load: { agents: up.length, reservations: 0, visitors: 0 },
        health: { ready: true, version: '0.1.0', region: 'eu' },
      })
    }

    beforeAll(async () => {
      await prepareDynamoTable({ table, endpoint: dynamo.endpoint }, { create: true, expiry: false })
      Object.assign(process.env, environment(table, [dynamo, kms]))
      const facts = {
        table,
        authorityKeyIds: [kms.keyId],
        publicUrl: 'https://mesh.example.com',
        maxMembers: 100,
      }
      const data = join(folder, `admin-${writing}`)
      meshId = (await initMesh(data, facts)).meshId
      admin = (await loadIdentity(data, 'admin-identity.json')).signer
      ;[writer, reader] = [await start(writing), await start(reading)]

      relay = await joins(writer, await token(writer, 'relay'), 'relay-1')
      agent = await joins(writer, await token(writer), 'agent-1')
      revoked = await joins(writer, await token(writer), 'agent-2')
      const passing = await joins(writer, await token(writer), 'passing', { ephemeral: true })
      for (const member of [relay, agent, revoked, passing]) await publishes(writer, member, [relay.kid])
      await reports(writer, 1, [agent, passing])
      await ask(writer, admin).revoke({ peerId: revoked.kid })
      const { policy, number } = await ask(writer, admin).policy()
      await ask(writer, admin).writePolicy({ policy, expected: number })
      unused = await token(writer)
      await fetch(writer.health.url)
      await fetch(writer.sweep.url)
      cursor = (await wholeMap(ask(writer, agent.signer))).next
    }, 300_000)
    afterAll(() => Promise.all(started.map(each => each.stop())))

    test('let a member join with a token, and find the name of another taken', async () => {
      const late = await joins(reader, unused, 'agent-1')
      await publishes(reader, late, [relay.kid])
      expect(await ask(writer, agent.signer).member(late.kid)).toMatchObject({ name: 'agent-1-2' })
      await expect(joins(reader, unused, 'agent-3')).rejects.toMatchObject({ code: 'token_invalid' })
    })

    test('renew a credential of the other release, and refuse a revoked member', async () => {
      await ask(reader, admin).amendMembership(agent.kid, { tags: ['moved'] })
      const { credential, head } = await ask(reader, agent.signer).renew()
      const { keys } = await verifyHead(meshId, head)
      const wanted = { meshId, keys, now: Date.now(), peerId: agent.kid }
      expect(await verifyCredential(credential, wanted)).toMatchObject({
        serial: agent.serial,
        name: 'agent-1',
        tags: ['moved'],
      })
      await expect(ask(reader, revoked.signer).renew()).rejects.toMatchObject({ code: 'revoked' })
    })

    test('list the whole map, and continue from a cursor of the other release', async () => {
      const reads = ask(reader, agent.signer)
      const peerIds = (page: MapPage) => page.changes.map(({ peerId }) => peerId)
      expect(peerIds(await wholeMap(reads))).toEqual(expect.arrayContaining([relay.kid, agent.kid]))
      await publishes(reader, agent, [])
      const since = await reads.map(cursor)
      expect(peerIds(since)).toContain(agent.kid)
      await publishes(writer, relay, [])
      expect(peerIds(await ask(writer, agent.signer).map(since.next))).toContain(relay.kid)
    })

    test('continue the lease of a relay, and sum up health', async () => {
      expect(await reports(reader, 2, [])).toMatchObject({ seq: 2 })
      expect(await reports(writer, 3, [])).toMatchObject({ seq: 3 })
      const { regions, history } = await ask(reader, admin).health(undefined, 1)
      expect(regions).toMatchObject([{ region: 'eu', relaysLeased: 1 }])
      expect(history?.length).toBeGreaterThan(0)
      expect((await fetch(reader.health.url)).status).toBe(200)
    })

    test('know what was revoked, and revoke a member for the other release', async () => {
      const { revoked: listed } = await ask(reader, admin).revocations()
      expect(listed).toMatchObject([{ peerId: revoked.kid }])
      const second = await joins(reader, await token(reader), 'agent-4')
      await ask(reader, admin).revoke({ peerId: second.kid })
      await expect(ask(writer, second.signer).renew()).rejects.toMatchObject({ code: 'revoked' })
    })

    test('list and revoke tokens, and write the policy', async () => {
      const secret = await token(writer)
      const { tokens } = await ask(reader, admin).tokens()
      for (const { id } of tokens) await ask(reader, admin).revokeToken(id)
      await expect(joins(writer, secret, 'agent-5')).rejects.toMatchObject({ code: 'token_invalid' })
      const { policy, number } = await ask(reader, admin).policy()
      await ask(reader, admin).writePolicy({ policy, expected: number })
      expect((await ask(writer, admin).policy()).number).toBe(number + 1)
    })

    test('sweep, and continue the audit chain unbroken', async () => {
      expect((await fetch(reader.sweep.url)).status).toBe(200)
      await ask(writer, admin).amendMembership(agent.kid, { tags: ['again'] })
      await ask(writer, agent.signer).renew()
      for (const of of [reader, writer]) {
        const { entries, next } = await ask(of, admin).audit({ limit: 1_000 })
        expect(next).toBeUndefined()
        expect(verifyAuditChain(entries)).toBeUndefined()
        expect(entries.map(({ what }) => what)).toEqual(
          expect.arrayContaining(['join', 'amend', 'revoke', 'policy']),
        )
      }
    })

    test('have met every kind of row', async () => {
      const { Items = [] } = await new DynamoDB().scan({ TableName: table })
      expect([...new Set(Items.map(({ pk }) => pk?.S?.split('#')[0]))].sort()).toEqual(kindsOfRows)
    })
  })
})

const environment = (table: string, [dynamo, kms]: [DynamoDbLocal, KmsStandIn]): Record<string, string> => ({
  ...dynamo.env,
  AWS_ENDPOINT_URL_KMS: kms.url,
  STACK_NAME: 'Mesh',
  TABLE_NAME: table,
  AUTHORITY_KEY_IDS: kms.keyId,
  PUBLIC_URL: 'https://mesh.example.com',
  WATCH_URL: 'wss://mesh.example.com/watch',
  MAX_MEMBERS: '100',
})

/** All changes, with the cursor after the last. */
async function wholeMap(client: ControlPlaneClient): Promise<MapPage> {
  const page = await client.map()
  for (let next = page; next.more;) {
    next = await client.map(next.next)
    page.changes.push(...next.changes)
    page.next = next.next
  }
  return page
}
