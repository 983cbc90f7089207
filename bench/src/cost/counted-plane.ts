/** A control plane over a table whose units are counted; its clock stands still, so that nothing is read anew by age. */
import { createHash, createPrivateKey, randomBytes } from 'node:crypto'
import {
  jwkSigner,
  needsNonce,
  peerIdOfJwk,
  signHomeClaim,
  signRecord,
  signRequest,
  thumbprintOf,
  type RelayReport,
  type Signer,
} from '@agent-mesh/protocol'
import {
  apiRouter,
  changeFeed,
  controlPlane,
  foundMesh,
  openDynamoStore,
  prepareDynamoTable,
  type AuthorityKey,
  type Clock,
  type ControlPlane,
  type Store,
} from '@agent-mesh/lambdas'
import { countingProxy, type Units } from './counting-proxy.ts'

export interface CountedMember {
  signer: Signer
  serial: string
  incarnation: number
}

export interface CountedPlane {
  readonly store: Store
  readonly clock: Clock
  /** Units that `work` takes. */
  count(work: () => Promise<unknown>): Promise<Units>
  countHeadRead(): Promise<Units>
  /** A signed request. @returns the reply @throws Error when it is refused */
  ask(who: CountedMember, method: string, path: string, body?: unknown): Promise<Record<string, unknown>>
  join(role: string): Promise<CountedMember>
  /** A record as agents publish it, with two addresses, two relays and three services; the next incarnation. */
  record(member: CountedMember): Promise<{ record: string }>
  /** The record as it is. */
  publishAgain(member: CountedMember): Promise<unknown>
  report(relay: CountedMember, up: readonly CountedMember[], down: readonly string[]): Promise<RelayReport>
  /** @returns the cursor at the end */
  readWholeMap(relay: CountedMember): Promise<string>
  /** Leases of so many relays more. @returns how many there are */
  leases(count: number): Promise<number>
  /** Turns the clock on, ms. */
  advance(ms: number): void
  /** Health from every member. */
  scanHealth(): Promise<unknown>
  /** Signs the head of the audit chain, an hour after the last time. */
  sealAudit(): Promise<void>
  /** Bytes of the table as DynamoDB counts them. */
  storedBytes(): Promise<number>
  stop(): Promise<void>
}

const region = 'eu-west-1'
const services = ['math@2', 'text@1', 'files@1']
const publicUrl = 'https://control.example'

/** Asks the routes as members do: signed, and with every refusal an error. */
const asker =
  (app: ReturnType<typeof apiRouter>, meshId: string, now: () => number): CountedPlane['ask'] =>
  async ({ signer }, method, path, given) => {
    const url = new URL(path, publicUrl)
    const content: unknown = await given
    const body = new TextEncoder().encode(content === undefined ? '' : JSON.stringify(content))
    const nonce = needsNonce(method, path) ? { nonce: randomBytes(16).toString('base64url') } : {}
    const options = { meshId, now: now(), ...nonce }
    const authorization = await signRequest(signer, { method, url, body }, options)
    const request = { method, headers: { authorization }, ...(body.length === 0 ? {} : { body }) }
    const response = await app.fetch(new Request(url, request))
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  }

/** @param dynamoDb endpoint of DynamoDB Local */
export async function countedPlane(dynamoDb: string): Promise<CountedPlane> {
  const table = 'counted'
  const proxy = await countingProxy(dynamoDb)
  const { endpoint, count } = proxy
  let now = Date.UTC(2026, 0, 1)
  const clock = { now: () => now }
  await prepareDynamoTable({ table, endpoint }, { create: true, expiry: false })
  const store = openDynamoStore({ table, endpoint, clock })
  const authority = await newKey()
  const keys = await foundMesh({ store, clock, root: await newKey(), authority })
  const { meshId } = keys
  const mesh = { meshId, keys, signer: authority.signer, store, clock, changes: changeFeed(), publicUrl }
  const plane = controlPlane(mesh)
  const ask = asker(apiRouter({ plane, observe: () => {} }), meshId, clock.now)
  return {
    store,
    clock,
    count,
    ask,
    ...membersOf(plane, ask),
    report: reporter(),
    readWholeMap: relay => readWholeMap(ask, relay),
    leases: more => addLeases(store, more),
    countHeadRead: () => {
      now += 60_000
      return count(() => plane.head.numbers())
    },
    advance: ms => void (now += ms),
    scanHealth: () => plane.health(),
    sealAudit: () => {
      now += 3600_000
      return plane.auditSeal.seal()
    },
    storedBytes: async () =>
      (await proxy.ask('DescribeTable', { TableName: table })).Table?.TableSizeBytes ?? 0,
    stop: async () => {
      await store.close()
      await proxy.stop()
    },
  }
}

function membersOf({ tokens, mesh }: ControlPlane, ask: CountedPlane['ask']) {
  const signedRecord = async ({ signer, serial, incarnation }: CountedMember) => ({
    record: await signRecord(signer, {
      incarnation,
      addrs: ['/ip4/203.0.113.10/tcp/4001', '/ip6/2001:db8::10/tcp/4001'],
      homeRelays: [signer.kid, signer.kid],
      homeRttMs: [12, 34],
      region,
      services,
      serial,
    }),
  })
  return {
    join: async (role: string): Promise<CountedMember> => {
      const { signer } = await newMember()
      const request = { roles: [role], tags: ['linux', 'rack-7'], region, uses: 1 }
      const { token } = await tokens.create(request, 'operator')
      const secret = token.slice(token.lastIndexOf('.') + 1)
      const member = { signer, serial: '', incarnation: mesh.clock.now() }
      await ask(member, 'POST', '/v1/enrol', { secret, name: `host-${String(pairs).padStart(6, '0')}` })
      const enrolment = await mesh.store.enrolments.readEnrolment(signer.kid)
      return { ...member, serial: enrolment?.serial ?? '' }
    },
    record: (member: CountedMember) => {
      member.incarnation++
      return signedRecord(member)
    },
    publishAgain: (member: CountedMember) => ask(member, 'PUT', '/v1/members/self', signedRecord(member)),
  }
}

async function readWholeMap(ask: CountedPlane['ask'], relay: CountedMember): Promise<string> {
  let cursor: string | undefined
  for (;;) {
    const page = await ask(relay, 'GET', `/v1/map${cursor === undefined ? '' : `?since=${cursor}`}`)
    cursor = String(page['next'])
    if (page['more'] !== true) return cursor
  }
}

async function addLeases(store: Store, more: number): Promise<number> {
  const status = '{"load":{"agents":1000,"reservations":2000,"visitors":10},"health":{"ready":true}}'
  for (let i = 0; i < more; i++) {
    const { signer } = await newMember()
    const lease = { relay: signer.kid, epoch: 'a'.repeat(16), seq: 1, up: [], down: [], status }
    await store.presence.applyReport(lease)
  }
  return (await store.presence.readLeases()).length
}

/** Reports of a relay in order, with claims that were never seen. */
function reporter(): CountedPlane['report'] {
  let seq = 0
  let homeSeq = 0
  return async (relay, up, down) => ({
    epoch: 'epoch-of-this-run',
    seq: ++seq,
    up: await Promise.all(
      up.map(({ signer }) => signHomeClaim(signer, { relay: relay.signer.kid, homeSeq: ++homeSeq })),
    ),
    down: [...down],
    load: { agents: 1_000, reservations: 2_000, visitors: 10 },
    health: { ready: true, version: '0.1.0', region },
  })
}

let pairs = 0
/** PKCS #8 of an Ed25519 key, up to its 32 bytes. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The same keys in each run: where they lie in the table decides how many units their reads share. */
function newPair() {
  const seed = createHash('sha256').update(`key ${pairs++}`).digest()
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' })
  const { x = '', d = '' } = key.export({ format: 'jwk' })
  return { jwk: { kty: 'OKP', crv: 'Ed25519', x } as const, d }
}

async function newMember(): Promise<{ signer: Signer }> {
  const { jwk, d } = newPair()
  return { signer: await jwkSigner(peerIdOfJwk(jwk), { ...jwk, d }) }
}

async function newKey(): Promise<AuthorityKey> {
  const { jwk, d } = newPair()
  return { jwk, signer: await jwkSigner(await thumbprintOf(jwk), { ...jwk, d }) }
}
