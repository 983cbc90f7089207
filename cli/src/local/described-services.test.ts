import type { LocalCallRequest, LocalService } from '@agent-mesh/protocol/local-api'
import { expect, test } from 'vitest'

import { methodsByService } from './described-services.ts'

const feed: LocalService = { service: 'feed@1', providers: [{ peerId: 'p', name: 'n', online: true }] }
const client = {
  call: ({ method }: LocalCallRequest) => {
    const methods = [{ name: 'tail', yields: {} }, { name: 'store', takes: {} }, { name: 'size' }]
    return Promise.resolve({
      ...{ peerId: 'p', ms: 1 },
      value: method === 'host.describe' ? { services: [{ service: 'feed@1', methods }] } : undefined,
    })
  },
}

test.each([
  [undefined, ['tail', 'store', 'size']],
  ['streams' as const, ['tail', 'store']],
  ['calls' as const, ['size']],
])('the methods of a service, %s', async (kind, methods) => {
  expect((await methodsByService(client, [feed], kind)).get('feed@1')).toEqual(methods)
})
