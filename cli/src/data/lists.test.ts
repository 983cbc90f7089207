/** The order of what admins list: one page after the other in whatever order the store has. */
import type { Membership } from '@agent-mesh/protocol/api/memberships'
import type { TokenView } from '@agent-mesh/protocol/api/tokens'
import { expect, test } from 'vitest'

import { allMemberships } from './memberships.ts'
import { allTokens } from './tokens.ts'

const { signal } = new AbortController()
/** The pages of a list; the cursor of each but the first is its number. */
const paged =
  <T>(pages: readonly T[][]) =>
  (cursor: string | undefined) => {
    const at = Number(cursor ?? 0)
    const next = at + 1 < pages.length ? { next: String(at + 1) } : {}
    return { items: pages[at] ?? [], ...next }
  }

test('members are listed by name, numbers in it as numbers, and by peer id where names are equal', async () => {
  const member = (name: string, peerId = name) => ({ name, peerId }) as Membership
  const page = paged([[member('web-10'), member('web-2')], [], [member('db', 'b'), member('db', 'a')]])
  const memberships = ({ cursor }: { cursor?: string }) => {
    const { items, ...next } = page(cursor)
    return Promise.resolve({ members: items, ...next })
  }
  const listed = await allMemberships({ memberships }, {}, signal)
  expect(listed.map(({ name, peerId }) => `${name} ${peerId}`)).toEqual([
    'db a',
    'db b',
    'web-2 web-2',
    'web-10 web-10',
  ])
})

test('tokens are listed in the order they were created', async () => {
  const token = (id: string, createdAt: number) => ({ id, createdAt }) as TokenView
  const page = paged([
    [token('new', 3), token('b', 2)],
    [token('a', 2), token('old', 1)],
  ])
  const tokens = (cursor: string | undefined) => {
    const { items, ...next } = page(cursor)
    return Promise.resolve({ tokens: items, ...next })
  }
  expect((await allTokens({ tokens }, signal)).map(({ id }) => id)).toEqual(['old', 'a', 'b', 'new'])
})
