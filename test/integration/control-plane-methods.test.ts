/** Methods and query parameters that the API does not have, or not in this form. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestPlane, type PlaneMember, type TestPlane } from './control-plane-fixture.ts'

describe('the API refuses', () => {
  let mesh: TestPlane
  let member: PlaneMember
  beforeAll(async () => {
    mesh = await startTestPlane()
    member = await mesh.join()
  })
  afterAll(() => mesh.stop())

  test('methods that a path does not have, naming those it has', async () => {
    for (const [method, path, allow] of [
      ['POST', '/v1/map', 'GET, HEAD'],
      ['PATCH', '/v1/policy', 'GET, HEAD, PUT'],
      ['GET', '/v1/enrol', 'POST'],
      ['OPTIONS', '/v1/members/self', 'PUT, DELETE'],
      ['DELETE', '/health', 'GET, HEAD'],
      ['POST', '/v1/openapi.json', 'GET, HEAD'],
    ] as const) {
      const response = await fetch(new URL(path, mesh.plane.url), { method })
      expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
      expect(await response.json()).toMatchObject({ status: 405, code: 'unsupported' })
    }
    expect((await fetch(new URL('/health', mesh.plane.url), { method: 'HEAD' })).status).toBe(200)
  })

  test('empty values and other spellings of numbers in a query', async () => {
    for (const query of [
      '/v1/members?limit=',
      '/v1/members?limit=0x10',
      '/v1/members?limit=1e2',
      '/v1/members?limit=1001',
      '/v1/members?cursor=',
      '/v1/map?since=',
      '/v1/health?history=',
      '/v1/health?history=25',
      '/v1/bootstrap?region=',
    ])
      expect(await mesh.ask(member.signer, 'GET', query)).toMatchObject({
        status: 400,
        body: { code: 'invalid_argument' },
      })
    for (const query of ['?last=', '?since=%20', '?cursor=+1'])
      expect(await mesh.ask(mesh.admin, 'GET', `/v1/audit${query}`)).toMatchObject({ status: 400 })
    expect(await mesh.ask(mesh.admin, 'GET', '/v1/audit?last=0')).toMatchObject({ status: 200 })
  })
})
