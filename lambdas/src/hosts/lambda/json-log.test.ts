import { afterEach, expect, it, vi } from 'vitest'
import { jsonLog, withRequestId } from './json-log.ts'

const written = vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
afterEach(() => written.mockClear())

const logged = (): unknown => JSON.parse(String(written.mock.calls[0]?.[0]))
const handler = withRequestId(async () =>
  jsonLog.warn({ event: 'request-unavailable', route: '/v1/map' }, 'slow'),
)

it('a line carries the id that API Gateway shows for its request', async () => {
  await handler({ requestContext: { requestId: 'from-gateway' } }, { awsRequestId: 'from-lambda' })
  expect(logged()).toEqual({
    ...{ level: 'warn', event: 'request-unavailable', message: 'slow' },
    ...{ request: 'from-gateway', route: '/v1/map' },
  })
})

it('a line about another event carries the id of Lambda', async () => {
  await handler({}, { awsRequestId: 'from-lambda' })
  expect(logged()).toMatchObject({ request: 'from-lambda' })
})
