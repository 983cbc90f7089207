import { expect, it } from 'vitest'
import { agreement } from './agreement.ts'
import type { ChaosMember } from './chaos-mesh.ts'

it('a member that is just starting does not agree, and ends no run', async () => {
  const starting = {
    name: 'a',
    data: '/no such folder',
    api: { peers: () => Promise.reject(new Error('refused')) },
  }
  expect(await agreement([starting, starting] as unknown as ChaosMember[], 0)).toEqual({
    agreedMs: undefined,
    beliefs: [0, 1].map(() => ({ name: 'a', online: ['a'], incarnations: {} })),
  })
})
