import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalCallRequest, LocalService } from '@agent-mesh/protocol/local-api'
import { expect, test } from 'vitest'

import { contractTimeout } from './contract-timeout.ts'

const provider = (name: string, online: boolean) => ({ peerId: `id-${name}`, name, online })
const services = [
  { service: 'jobs@2', providers: [provider('off', false), provider('on', true)] },
  { service: 'jobs@10', providers: [provider('new', true)] },
  { service: 'host@1', providers: [provider('on', true)] },
] as unknown as LocalService[]

/** A client whose members describe `jobs`, and who is asked. */
function clientOf(methods: readonly object[] | MeshError) {
  const asked: LocalCallRequest[] = []
  const call = (request: LocalCallRequest) => {
    asked.push(request)
    if (methods instanceof MeshError) return Promise.reject(methods)
    const described = ['jobs@2', 'jobs@10'].map(service => ({
      service,
      methods: service === 'jobs@10' ? methods : [],
    }))
    return Promise.resolve({ value: { services: described }, peerId: 'id', ms: 1 })
  }
  return { asked, client: { call, services: () => Promise.resolve(services) } }
}

const methods = [{ name: 'run', timeoutMs: 60_000 }, { name: 'soon' }]

test('a call without a timeout gets that of its contract, of the newest version', async () => {
  const { client, asked } = clientOf(methods)
  expect(await contractTimeout(client, 'jobs.run')).toBe(60_000)
  expect(await contractTimeout(client, 'jobs@10.run', 'web-1')).toBe(60_000)
  const params = (service: string) => ({ method: 'host.describe', params: { service }, timeoutMs: 1_000 })
  expect(asked).toMatchObject([
    { ...params('jobs'), peer: 'id-new' },
    { ...params('jobs@10'), peer: 'web-1' },
  ])
})

test('it gets 10 s where no contract says a time, and where no member tells', async () => {
  const { client, asked } = clientOf(methods)
  for (const method of ['jobs.soon', 'jobs.nope', 'jobs@2.run', 'other.run', 'host.info'])
    expect(await contractTimeout(client, method)).toBe(10_000)
  expect(asked.map(({ params }) => params)).toEqual([
    { service: 'jobs' },
    { service: 'jobs' },
    { service: 'jobs@2' },
  ])
  const denied = clientOf(new MeshError('permission_denied', 'Cannot call'))
  expect(await contractTimeout(denied.client, 'jobs.run')).toBe(10_000)
})
