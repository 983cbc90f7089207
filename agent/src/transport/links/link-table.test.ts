import { afterEach, beforeEach, expect, it } from 'vitest'
import { transportDefaults } from '../defaults.ts'
import { targetOf, TestTransports } from '../testing/test-transports.ts'
import type { Transport } from '../transport.ts'
import { until } from '../../../../test/support/until.ts'

let mesh: TestTransports
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(() => mesh.stop())

it('a link whose peer said that it leaves, and stays, gives its place to others', async () => {
  const hub = await mesh.join('hub', { options: { maxLinks: 1 } })
  const [leaver, other, third] = [
    await mesh.join('leaver'),
    await mesh.join('other'),
    await mesh.join('third'),
  ]
  await leaver.connect(targetOf(hub))
  const link = await until(() => hub.links.best(leaver.peerId))
  hub.links.leaving(link)
  // Identify runs on a new link for a moment.
  const linked = (peer: Transport) =>
    hub.connect(targetOf(peer)).then(
      () => true,
      () => false,
    )
  await until(() => linked(other))
  await until(() => linked(third))
  await until(() => hub.links.peers().join() === third.peerId)
})

it('a peer that opens link after link pays with its oldest ones, and nobody else does', async () => {
  // Only the lower peer id retires surplus links: here it is the one that opens them.
  const members = [await mesh.member('one'), await mesh.member('two')]
  const [greedy, hub] = members.sort((a, b) => (a.identity.peerId < b.identity.peerId ? -1 : 1))
  if (greedy === undefined || hub === undefined) throw new Error('two members')
  const never = () => Promise.reject(new Error('never verified'))
  const [opener, taker] = [await mesh.start(greedy, { verify: never }), await mesh.start(hub)]
  const bystander = await mesh.join('bystander')
  await bystander.connect(targetOf(taker))
  const opened = []
  for (let i = 0; i <= transportDefaults.linksPerPeer; i++) {
    const link = await opener.connect(targetOf(taker))
    opener.links.suspect(link)
    opened.push(link)
  }
  await opened[0]?.closed
  await until(() => taker.links.of(opener.peerId).length === transportDefaults.linksPerPeer)
  expect(taker.links.best(bystander.peerId)).toBeDefined()
})
