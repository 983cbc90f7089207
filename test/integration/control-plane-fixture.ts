/** A control plane on port 0 with an adjustable clock, and members that send it HTTP requests directly. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startControlPlane, type RunningControlPlane } from '@agent-mesh/lambdas'
import {
  jwkSigner,
  needsNonce,
  parseJoinToken,
  signRecord,
  signRequest,
  verifyCredential,
  verifyHead,
  type CreateTokenRequest,
  type CredentialClaims,
  type MemberRecord,
  type PublicJwk,
  type SignedHead,
  type Signer,
} from '@agent-mesh/protocol'
import { testKey, testSerial } from '../support/mesh-fixture.ts'

/** The tests look at answers, not at the log. */
export const noLog = { debug() {}, info() {}, warn() {}, error() {} }

export const day = 24 * 3600_000

export interface PlaneAnswer {
  status: number
  type: string | null
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into replies of many kinds
  body: any
}

export interface AskOptions {
  body?: unknown
  /** Sent instead of JSON of `body`. */
  raw?: Uint8Array<ArrayBuffer>
  /** Signs for another body than the one sent, another time, another mesh. */
  signed?: { body?: unknown; now?: number; meshId?: string; path?: string }
  /** @default one where the route needs it; false: none all the same */
  nonce?: string | false
  headers?: Record<string, string>
}

export interface TestPlane {
  plane: RunningControlPlane
  data: string
  clock: { now(): number; advance(ms: number): void }
  admin: Signer
  ask(who: Signer | undefined, method: string, path: string, options?: AskOptions): Promise<PlaneAnswer>
  authorization(who: Signer, method: string, url: URL, options?: AskOptions): Promise<string>
  join(token?: CreateTokenRequest & { as?: string }): Promise<PlaneMember>
  /** Stops it and starts it again on the same data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface PlaneMember {
  peerId: string
  signer: Signer
  claims: CredentialClaims
  credential: string
  secret: string
  record(changes?: Partial<MemberRecord>): Promise<string>
  publish(changes?: Partial<MemberRecord>): Promise<PlaneAnswer>
}

export const secretOf = (token: string): string =>
  Buffer.from(parseJoinToken(token).secret).toString('base64url')

const bytesOf = (body: unknown): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(body === undefined ? '' : JSON.stringify(body))

export async function startTestPlane(
  options: { maxMembers?: number; requestMs?: number; trustProxy?: string } = {},
): Promise<TestPlane> {
  const data = await mkdtemp(join(tmpdir(), 'control-plane-'))
  let offset = 0
  const clock = { now: () => Date.now() + offset, advance: (ms: number) => void (offset += ms) }
  const start = () =>
    startControlPlane({ data, listen: { host: '127.0.0.1', port: 0 }, clock, log: noLog, ...options })
  const test = { plane: await start(), data, clock } as TestPlane

  test.admin = await identityOf(test.plane.adminIdentityFile)
  speakTo(test)
  test.join = async ({ as = 'agent', ...token } = {}) => {
    const { token: text } = await test.plane.createToken(token)
    return enrolMember(test, secretOf(text), as)
  }
  test.restart = async () => {
    await test.plane.stop()
    test.plane = await start()
  }
  test.stop = async () => {
    await test.plane.stop()
    await rm(data, { recursive: true, force: true })
  }
  return test
}

/** What direct requests to a control plane need: its address and its mesh. */
export interface Interlocutor extends Pick<TestPlane, 'ask' | 'authorization' | 'clock'> {
  plane: Pick<RunningControlPlane, 'url' | 'meshId'>
}

/** Gives `test` its `ask` and `authorization`. */
export function speakTo(test: Interlocutor): void {
  const { clock } = test
  test.authorization = (signer, method, url, { body, raw, signed = {}, nonce: given } = {}) => {
    const nonce = given ?? (needsNonce(method, url.pathname) ? testSerial() : false)
    return signRequest(
      signer,
      {
        method,
        url: signed.path === undefined ? url : new URL(signed.path, url),
        body: 'body' in signed ? bytesOf(signed.body) : (raw ?? bytesOf(body)),
      },
      {
        meshId: signed.meshId ?? test.plane.meshId,
        now: signed.now ?? clock.now(),
        ...(nonce === false ? {} : { nonce }),
      },
    )
  }
  test.ask = async (who, method, path, ask = {}) => {
    const url = new URL(path, test.plane.url)
    const headers: Record<string, string> = { ...ask.headers }
    if (who !== undefined) headers['authorization'] = await test.authorization(who, method, url, ask)
    const body = ask.raw ?? bytesOf(ask.body)
    const response = await fetch(url, { method, headers, ...(body.length > 0 ? { body } : {}) })
    const text = await response.text()
    const type = response.headers.get('content-type')
    return { status: response.status, type, body: type?.includes('json') === true ? JSON.parse(text) : text }
  }
}

export async function identityOf(file: string): Promise<Signer> {
  const { peerId, privateJwk } = JSON.parse(await readFile(file, 'utf8')) as {
    peerId: string
    privateJwk: PublicJwk & { d: string }
  }
  return jwkSigner(peerId, privateJwk)
}

/** Enrols a fresh key and verifies what comes back. */
export async function enrolMember(test: Interlocutor, secret: string, name: string): Promise<PlaneMember> {
  const { signer } = await testKey()
  const answer = await test.ask(signer, 'POST', '/v1/enrol', { body: { secret, name } })
  if (answer.status !== 200) throw Object.assign(new Error(answer.body.detail), { answer })
  const { meshId } = test.plane
  const { keys } = await verifyHead(meshId, answer.body.head as SignedHead)
  const { credential } = answer.body as { credential: string }
  const claims = await verifyCredential(credential, {
    meshId,
    keys,
    now: test.clock.now(),
    peerId: signer.kid,
  })
  let incarnation = test.clock.now()
  const record = (changes: Partial<MemberRecord> = {}): Promise<string> =>
    signRecord(signer, {
      incarnation: incarnation++,
      addrs: ['/ip4/192.0.2.7/tcp/4001'],
      homeRelays: [],
      services: ['math@2'],
      serial: claims.serial,
      ...changes,
    })
  return {
    peerId: signer.kid,
    signer,
    claims,
    credential,
    secret,
    record,
    publish: async changes =>
      test.ask(signer, 'PUT', '/v1/members/self', { body: { record: await record(changes) } }),
  }
}
