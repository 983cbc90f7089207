import type { KeyChain } from '@agent-mesh/protocol'
import { expect, it, vi } from 'vitest'
import type { HeadKeeper } from '../membership/head-keeper.ts'
import { bareLink, bareTable } from '../transport/testing/bare-links.ts'
import { endLinksOfRevokedKeys } from './revoked-keys.ts'

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A link to a member whose credential this authority key signed. */
const linkTo = (peerId: string, kid: string) => {
  const credential = `${part({ typ: 'membership+jwt', alg: 'EdDSA', kid })}.${part({})}.sig`
  const peer = { peerId, credential: { name: peerId }, signed: { credential } }
  return bareLink(peer as unknown as Parameters<typeof bareLink>[0])
}

const keysOf = (revoked: boolean) =>
  ({
    authorities: [
      { kid: 'stolen', revoked },
      { kid: 'good', revoked: false },
    ],
  }) as unknown as KeyChain

it('links of members that a stolen key admitted end when it is revoked, and as they come up later', () => {
  const links = bareTable()
  const head = { current: { keys: keysOf(false) }, onChange: vi.fn() }
  endLinksOfRevokedKeys(links, head as unknown as HeadKeeper)
  const [before, good, during] = [linkTo('a', 'stolen'), linkTo('b', 'good'), linkTo('c', 'stolen')]
  for (const link of [before, good]) links.add(link)
  expect(before.state).toBe('up')
  head.current = { keys: keysOf(true) }
  const [[changed]] = head.onChange.mock.calls as [[Parameters<HeadKeeper['onChange']>[0]]]
  changed(head.current as never)
  // Its hello was read before the key was revoked.
  links.add(during)
  expect([before.state, good.state, during.state]).toEqual(['down', 'up', 'down'])
})
