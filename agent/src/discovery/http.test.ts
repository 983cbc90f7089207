import { MeshError, problemOf } from '@agent-mesh/protocol'
import { afterEach, describe, expect, test } from 'vitest'
import { refusal } from '../../../test/support/refusal.ts'
import { discoveryDefaults } from './defaults.ts'
import { exchange } from './http.ts'
import { TestServer, type ServedAnswer } from './testing/test-server.ts'

let server: TestServer | undefined
afterEach(() => server?.stop())

async function ask(answer: ServedAnswer | (() => Promise<ServedAnswer>), signal?: AbortSignal) {
  server = await TestServer.start(() => (typeof answer === 'function' ? answer() : answer))
  return exchange({
    method: 'GET',
    url: new URL('/v1/map', server.url),
    headers: {},
    body: new Uint8Array(),
    signal,
  })
}

describe('exchange()', () => {
  test('gives the text of an answer', async () => {
    expect(await ask({ body: { more: false } })).toMatchObject({ status: 200, text: '{"more":false}' })
  })

  test('turns problem details into the error they tell of', async () => {
    const problem = problemOf(
      new MeshError('map_gap', 'Cannot read map: too old', { hint: 'Start anew.', details: { epoch: 'x' } }),
    )
    const asking = ask({ status: 410, body: problem })
    await expect(asking).rejects.toMatchObject({
      code: 'map_gap',
      message: 'Cannot read map: too old',
      hint: 'Start anew.',
      details: { epoch: 'x' },
    })
  })

  test.each([
    [502, '<html>Bad Gateway</html>', 'unavailable'],
    [429, 'slow down', 'rate_limited'],
    [404, '<html>Not Found</html>', 'protocol_error'],
    [500, '{"code":"too_purple","detail":"x","type":"x","title":"x","status":500}', 'unavailable'],
  ])('reads %i of something that is no control plane (%s) as %s', async (status, body, code) => {
    expect(await refusal(ask({ status, body }))).toBe(
      `${code}: Cannot GET /v1/map: the server answered ${status}`,
    )
  })

  test('refuses an answer over its limit', async () => {
    expect(await refusal(ask({ body: 'x'.repeat(discoveryDefaults.replyBytes + 1) }))).toMatch(/^too_large: /)
  })

  test('follows no redirect: the request is signed for this server', async () => {
    const asking = ask({ status: 307, headers: { location: 'http://127.0.0.1:1/' } })
    expect(await refusal(asking)).toMatch(/^unavailable: /)
  })

  test('names the control plane that is not there, and why', async () => {
    server = await TestServer.start(() => ({}))
    const url = new URL(server.url)
    await server.stop()
    const asking = exchange({ method: 'GET', url, headers: {}, body: new Uint8Array(), signal: undefined })
    expect(await refusal(asking)).toBe(`unavailable: Cannot reach control plane ${url.origin}: ECONNREFUSED`)
  })

  test('ends as cancelled when its caller gives up', async () => {
    const giveUp = new AbortController()
    const asking = ask(() => {
      giveUp.abort()
      return new Promise(() => {})
    }, giveUp.signal)
    expect(await refusal(asking)).toMatch(/^cancelled: /)
  })
})
