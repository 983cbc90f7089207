import { describe, expect, it } from 'vitest'
import { httpApiHandler, type HttpApiEvent } from './http-handler.ts'

const event = (fields: Partial<HttpApiEvent>, method = 'GET'): HttpApiEvent => ({
  rawPath: '/v1/map',
  rawQueryString: '',
  requestContext: { http: { method }, domainName: 'api.example.com' },
  ...fields,
})

/** Answers with the request it got. */
const echo = httpApiHandler(async request =>
  Response.json(
    {
      method: request.method,
      url: request.url,
      authorization: request.headers.get('authorization'),
      body: await request.text(),
    },
    { status: 201, headers: { 'x-more': 'yes' } },
  ),
)
const asked = async (sent: HttpApiEvent) => JSON.parse((await echo(sent)).body) as Record<string, unknown>

describe('the HTTP API host', () => {
  it('passes method, path, query as it came, and headers', async () => {
    const sent = event({ rawQueryString: 'since=a%2Fb&since=c', headers: { authorization: 'Mesh x' } })
    expect(await asked(sent)).toEqual({
      method: 'GET',
      url: 'https://api.example.com/v1/map?since=a%2Fb&since=c',
      authorization: 'Mesh x',
      body: '',
    })
  })

  it.each([
    ['text', { body: '{"name":"é"}' }],
    ['base64', { body: Buffer.from('{"name":"é"}').toString('base64'), isBase64Encoded: true }],
  ])('passes a body that comes as %s', async (_, fields) => {
    expect((await asked(event(fields, 'POST')))['body']).toBe('{"name":"é"}')
  })

  it('passes status and headers of the answer', async () => {
    const { statusCode, headers } = await echo(event({}))
    expect([statusCode, headers['x-more'], headers['content-type']]).toEqual([201, 'yes', 'application/json'])
  })
})
