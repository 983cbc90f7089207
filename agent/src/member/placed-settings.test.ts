import { expect, test } from 'vitest'
import { parseMemberOptions } from './options.ts'
import { placedSettings } from './placed-settings.ts'

/** No port of loopback that something listens on. */
const nowhere = { metadataUrl: 'http://127.0.0.1:1', timeoutMs: 20_000 }
const placed = (options: { region?: string; zone?: string }, env: Record<string, string> = {}) =>
  placedSettings(parseMemberOptions({ data: '/data', ...options }), { ...nowhere, env })

test('auto becomes the region that was found, and a zone that is given stays', async () => {
  const found = await placed({ region: 'auto', zone: 'rack-1' }, { AWS_REGION: 'eu-west-1' })
  expect(found).toMatchObject({ region: 'eu-west-1', zone: 'rack-1' })
})

test('auto becomes no region where none is found', async () => {
  expect(await placed({ region: 'auto' })).not.toHaveProperty('region')
})

test('a region that is given is not looked for', async () => {
  expect(await placed({ region: 'eu' }, { AWS_REGION: 'us-east-1' })).toMatchObject({ region: 'eu' })
  expect((await placed({}, { AWS_REGION: 'us-east-1' })).region).toBeUndefined()
})
