import { formatJoinToken, MeshError, problemOf, type SignedHead } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TestMesh, type TestMember } from '../../../test/support/mesh-fixture.ts'
import { refusal } from '../../../test/support/refusal.ts'
import { openMemberStore, type MemberStore } from '../membership/member-store.ts'
import { systemClock } from '../observe/clock.ts'
import { createLogger } from '../observe/logger.ts'
import { enrol, enrolledIn, memberNameOf } from './enrolment.ts'
import { TestServer, type ServedAnswer, type ServedRequest } from './testing/test-server.ts'

const log = createLogger('test', 'silent')
const secret = new Uint8Array(32).fill(7)

let mesh: TestMesh
let member: TestMember
let store: MemberStore
let server: TestServer
/** The answer of the control plane. */
let bootstrap: SignedHead
let reply: ServedAnswer
/** Its answer to an enrolment, where that depends on the request. */
let answer: ((request: ServedRequest) => ServedAnswer) | undefined

beforeEach(async () => {
  mesh = await TestMesh.create()
  member = await mesh.member()
  store = openMemberStore(':memory:')
  bootstrap = await mesh.head()
  reply = { body: { credential: await member.credential(), head: bootstrap } }
  answer = undefined
  server = await TestServer.start(request =>
    request.url.pathname === '/v1/enrol'
      ? (answer?.(request) ?? reply)
      : {
          body: {
            meshId: mesh.meshId,
            head: bootstrap,
            serverTime: Date.now(),
            watchUrl: 'ws://127.0.0.1/v1/watch',
          },
        },
  )
})
afterEach(async () => {
  await server.stop()
  store.close()
})

const tokenOf = (meshId: string) => formatJoinToken({ url: server.url, meshId, secret })
const join = (token = tokenOf(mesh.meshId), name?: string, role?: 'agent' | 'relay') =>
  enrol({
    token,
    signer: member.signer,
    store,
    clock: systemClock,
    log,
    ...(name === undefined ? {} : { name }),
    ...(role === undefined ? {} : { role }),
  })
const sent = () => server.asked.filter(({ url }) => url.pathname === '/v1/enrol')

describe('enrol()', () => {
  test('keeps the credential, the head and where the control plane is', async () => {
    expect(await join(undefined, 'web-1')).toEqual({ url: server.url, meshId: mesh.meshId })
    expect(enrolledIn(store)).toEqual({ url: server.url, meshId: mesh.meshId })
    expect(store.get('credential')).toBeDefined()
    const [asked] = sent()
    expect(JSON.parse(Buffer.from(asked!.body).toString())).toEqual({
      secret: Buffer.from(secret).toString('base64url'),
      name: 'web-1',
    })
  })

  test('says what it starts as, and joins where a control plane of before refuses to hear that', async () => {
    const { body } = reply
    let asked: unknown[] = []
    answer = ({ body }) => {
      const request = JSON.parse(Buffer.from(body).toString()) as { role?: string }
      asked = [...asked, request.role]
      const old = new MeshError('invalid_argument', 'Cannot read POST /v1/enrol: unknown field role')
      return request.role === undefined ? reply : { status: 400, body: problemOf(old) }
    }
    expect(await join(undefined, 'web-1', 'relay')).toEqual({ url: server.url, meshId: mesh.meshId })
    expect(asked).toEqual(['relay', undefined])
    expect(store.get('credential')).toBe((body as { credential: string }).credential)
  })

  test('does not tell the secret to a server of another mesh', async () => {
    bootstrap = await (await TestMesh.create()).head()
    expect(await refusal(join())).toMatch(/^unauthenticated: /)
    expect(sent()).toEqual([])
    expect(enrolledIn(store)).toBeUndefined()
  })

  test('refuses the credential of somebody else, and stores nothing', async () => {
    const other = await mesh.member()
    reply = { body: { credential: await other.credential(), head: bootstrap } }
    expect(await refusal(join())).toMatch(/^unauthenticated: /)
    expect(enrolledIn(store)).toBeUndefined()
  })

  test('says why a token is not good, and stores nothing', async () => {
    const error = new MeshError('token_invalid', 'Cannot redeem join token: it is used up')
    reply = { status: 403, body: problemOf(error) }
    expect(await refusal(join())).toBe('token_invalid: Cannot redeem join token: it is used up')
    expect(enrolledIn(store)).toBeUndefined()
  })

  test('does not take a data folder from the mesh it belongs to', async () => {
    await join()
    const other = await TestMesh.create()
    expect(await refusal(join(tokenOf(other.meshId)))).toMatch(
      /^conflict: .*this data folder belongs to mesh/,
    )
    expect(enrolledIn(store)?.meshId).toBe(mesh.meshId)
  })

  test('keeps the head that comes with its credential, nothing of the one that strangers are told', async () => {
    const whole = await mesh.head({ numbers: { policy: 4 } })
    bootstrap = await mesh.head({ forStrangers: true, numbers: { relays: 0, policy: 0, revocations: 0 } })
    reply = {
      status: 403,
      body: problemOf(new MeshError('token_invalid', 'Cannot redeem join token: used up')),
    }
    expect(await refusal(join())).toMatch(/^token_invalid/)
    expect(store.get('head')).toBeUndefined()
    reply = { body: { credential: await member.credential(), head: whole } }
    await join()
    expect(JSON.parse(store.get('head') ?? '')).toEqual(whole)
  })
})

test.each([
  ['web-1.example.com', 'web-1'],
  ["Ada's MacBook", 'ada-s-macbook'],
  ['-db_7-', 'db-7'],
  ['...', 'agent'],
  ['', 'agent'],
  ['x'.repeat(80), 'x'.repeat(63)],
])('memberNameOf(%j) is %j', (host, name) => {
  expect(memberNameOf(host)).toBe(name)
})
