import { pipeProtocol } from '@agent-mesh/protocol'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { TimerWheel, TurnQueue } from '../rpc/index.ts'
import type { Transport } from '../transport/index.ts'
import { targetOf, TestTransports } from '../transport/testing/test-transports.ts'
import { until } from '../../../test/support/until.ts'
import { pathDefaults } from './defaults.ts'
import { RpcSessions } from './rpc-sessions.ts'

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'ok',
    (error: { code: unknown }) => error.code,
  )

let mesh: TestTransports
const wheel = new TimerWheel()
const turns = new TurnQueue(wheel)
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(async () => {
  await mesh.stop()
  wheel.stop()
})

async function pair(options: { idleMs?: number; maxLinks?: number } = {}) {
  const gate = Promise.withResolvers<string>()
  const sessionsOf = () => new RpcSessions({ wheel, turns, handlerFor: () => () => gate.promise })
  const [near, far] = [sessionsOf(), sessionsOf()]
  const a = await mesh.join('a', { options, retire: link => near.retire(link) })
  const b = await mesh.join('b', { retire: link => far.retire(link) })
  for (const [{ links }, sessions] of [
    [a, near],
    [b, far],
  ] as [Transport, RpcSessions][]) {
    links.onUp(link => sessions.of(link))
    sessions.onGoingAway(link => links.leaving(link))
  }
  const link = await a.connect(targetOf(b))
  const back = await until(() => b.links.best(a.peerId))
  // Identify runs on a new link for a moment.
  await until(() => !link.busy && !back.busy)
  return { a, b, link, back, gate, near, far }
}

it('an idle link that is closed does not lose the call of the peer that crosses it', async () => {
  const { a, back, far } = await pair({ idleMs: 0 })
  const crossing = codeOf(far.of(back).call('x.y', 1))
  a.links.sweep()
  // Refused before its handler: the caller repeats it on another link.
  expect(await crossing).toBe('going_away')
})

it('a link that gives its place to another does not lose the call of the peer that crosses it', async () => {
  const { a, back, far } = await pair({ maxLinks: 1 })
  const crossing = codeOf(far.of(back).call('x.y', 1))
  a.links.makeRoom()
  expect(await crossing).toBe('going_away')
})

it('a link with a pipe stays open after it retired at either end, and closes when the pipe is done', async () => {
  const { a, b, link, back, far } = await pair()
  await b.handleDuplex(pipeProtocol, pipe => pipe.pipe(pipe))
  const pipe = await link.openDuplex(pipeProtocol)
  const echo = async (said: string) => {
    const answer = once(pipe, 'data')
    pipe.write(said)
    return String((await answer)[0])
  }
  expect(await echo('one')).toBe('one')
  a.links.retire(link)
  await until(() => !far.of(back).usable)
  // Longer than a link without pipes takes to close.
  const gone = await Promise.race([link.closed.then(() => true), delay(2 * pathDefaults.closeMs, false)])
  expect([gone, await echo('two')]).toEqual([false, 'two'])
  pipe.end()
  await link.closed
})

it('a link whose pipe ends after it retired waits for a call that began meanwhile', async () => {
  const { a, b, link, back, gate, near, far } = await pair()
  await b.handleDuplex(pipeProtocol, pipe => pipe.pipe(pipe))
  const pipe = await link.openDuplex(pipeProtocol)
  a.links.retire(link)
  await until(() => !far.of(back).usable)
  // By who took the link before it retired.
  const call = codeOf(near.of(link).call('x.y', 1))
  await until(() => far.of(back).stats.inbound === 1)
  pipe.resume().end()
  await once(pipe, 'close')
  // Longer than the look for pipes and the time to close.
  await Promise.race([link.closed, delay(pathDefaults.carriedCheckMs + 2 * pathDefaults.closeMs)])
  gate.resolve('done')
  expect(await call).toBe('ok')
  await link.closed
})
it('a link with a call stays open after it retired, and closes when the call is done', async () => {
  const { a, link, back, gate, near, far } = await pair()
  const calls = [codeOf(near.of(link).call('x.y', 1)), codeOf(far.of(back).call('x.y', 1))]
  await until(() => near.of(link).stats.inbound === 1 && far.of(back).stats.inbound === 1)
  a.links.retire(link)
  await until(() => !far.of(back).usable)
  expect(a.links.best(back.peer.peerId)).toBeUndefined()
  gate.resolve('done')
  expect(await Promise.all(calls)).toEqual(['ok', 'ok'])
  await link.closed
})
