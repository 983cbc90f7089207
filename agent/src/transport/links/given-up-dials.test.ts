import { afterEach, beforeEach, expect, it } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import { transportDefaults } from '../defaults.ts'
import { bareLink, bareTable } from '../testing/bare-links.ts'
import { targetOf, TestTransports } from '../testing/test-transports.ts'

let mesh: TestTransports
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(() => mesh.end())

it('a caller that gives up its dial when the peer has the link does not end what the peer sends on it', async () => {
  const givesUp = new AbortController()
  const { promise: gaveUp, resolve: wentOn } = Promise.withResolvers<void>()
  const member = await mesh.member('dialler')
  const dialler = await mesh.start(member, {
    admit: async (...hello) => {
      await gaveUp
      return member.ports.admit(...hello)
    },
  })
  const peer = await mesh.join('peer')
  let heard = ''
  const asked: boolean[] = []
  dialler.links.onUp(link => {
    link.stream.onData(chunk => (heard += Buffer.from(chunk).toString()))
    // As a later caller that waits for a link: it may send on it then.
    queueMicrotask(() => asked.push(!link.unasked))
  })
  const dialled = dialler.connect(targetOf(peer), { signal: givesUp.signal })
  const theirs = await until(() => peer.links.best(dialler.peerId))
  theirs.stream.send(Buffer.from('a call'))
  givesUp.abort()
  await expect(dialled).rejects.toMatchObject({ code: 'cancelled' })
  wentOn()
  await until(() => heard === 'a call')
  expect([theirs.state, dialler.links.best(peer.peerId)?.state]).toEqual(['up', 'up'])
  expect(asked).toEqual([false])
  expect(dialler.links.best(peer.peerId)?.unasked).toBe(true)
})

it('a link whose caller gave up its dial is closed sooner when nothing uses it', () => {
  const table = bareTable()
  const [asked, unasked, used] = ['a', 'b', 'c'].map(peerId => bareLink({ peerId }))
  for (const link of [asked!, unasked!, used!]) {
    table.add(link)
    link.lastUsed -= transportDefaults.unaskedIdleMs
  }
  unasked!.unasked = used!.unasked = true
  used!.lastUsed = performance.now()
  table.sweep()
  expect([asked, unasked, used].map(link => link!.state)).toEqual(['up', 'retiring', 'up'])
})

it('a link whose caller gave up its dial is closed as others once it has carried a pipe', async () => {
  const table = bareTable()
  const link = bareLink({ peerId: 'a' })
  table.add(link)
  link.unasked = true
  await link.openDuplex('/a-pipe').catch(() => undefined)
  link.lastUsed -= transportDefaults.unaskedIdleMs
  table.sweep()
  expect(link.state).toBe('up')
})
