import { afterEach, expect, it, vi } from 'vitest'
import { createLogger } from '../observe/logger.ts'
import type { Link } from '../transport/links/link.ts'
import { bareLink, bareTable } from '../transport/testing/bare-links.ts'
import { msOf } from '../../../test/support/quickest.ts'
import { until } from '../../../test/support/until.ts'
import { CircuitMoves } from './circuit-moves.ts'

const [self, callee, leaver, stayer] = ['self', 'callee', 'leaver', 'stayer']
const circuitOver = (relay: string) => `/ip4/127.0.0.1/tcp/1/p2p/${relay}/p2p-circuit`

const linkTo = (peerId: string, remoteAddr: string, dialler = self): Link =>
  bareLink({ peerId }, remoteAddr, dialler)

let moves: CircuitMoves
afterEach(() => moves.stop())

function start(connect: (peerId: string, signal: AbortSignal) => Promise<Link>) {
  const links = bareTable(self)
  const dial = vi.fn(connect)
  moves = new CircuitMoves({ self, links, linkTo: dial, log: createLogger('test', 'silent') })
  moves.start()
  const relay = linkTo(leaver, '/ip4/127.0.0.1/tcp/1')
  links.add(relay)
  return { links, dial, relay }
}

it('a circuit whose relay leaves takes calls until a link over another relay stands', async () => {
  const dialled = Promise.withResolvers<Link>()
  const { links, relay } = start(() => dialled.promise)
  const circuit = linkTo(callee, circuitOver(leaver))
  links.add(circuit)
  links.leaving(relay)
  expect(links.best(callee)).toBe(circuit)
  expect(links.lasting(callee)).toBeUndefined()
  const other = linkTo(callee, circuitOver(stayer))
  links.add(other)
  expect(links.best(callee)).toBe(other)
  expect(links.lasting(callee)).toBe(other)
  dialled.resolve(other)
  await until(() => circuit.state === 'down')
})

it('a circuit is dialled again until another stands', async () => {
  const other = linkTo(callee, circuitOver(stayer))
  const dials = [new Error('refused'), new Error('refused'), other]
  const { links, dial, relay } = start(async () => {
    const next = dials.shift()
    if (next === undefined || next instanceof Error) throw next ?? new Error('dialled once more')
    links.add(next)
    return Promise.resolve(next)
  })
  const circuit = linkTo(callee, circuitOver(leaver))
  links.add(circuit)
  links.leaving(relay)
  await until(() => circuit.state === 'down')
  expect(dial).toHaveBeenCalledTimes(3)
  expect(links.of(callee)).toEqual([other])
})

it('circuits that the peer dialled are left to it, and those over other relays stay', () => {
  const { links, dial, relay } = start(() => Promise.reject(new Error('not to be dialled')))
  const [theirs, over] = [linkTo(callee, circuitOver(leaver), callee), linkTo('else', circuitOver(stayer))]
  for (const link of [theirs, over]) links.add(link)
  links.leaving(relay)
  expect(dial).not.toHaveBeenCalled()
  expect(links.best(callee)).toBe(theirs)
  expect(links.lasting('else')).toBe(over)
})

it('a circuit that comes up when its relay said already that it leaves is replaced as well', async () => {
  const other = linkTo(callee, circuitOver(stayer))
  const { links, relay } = start(() => {
    links.add(other)
    return Promise.resolve(other)
  })
  links.leaving(relay)
  const late = linkTo(callee, circuitOver(leaver))
  links.add(late)
  await until(() => late.state === 'down')
  expect(links.of(callee)).toEqual([other])
})

it('another circuit over the relay that leaves does not take the place of the first', async () => {
  const [second, other] = [linkTo(callee, circuitOver(leaver)), linkTo(callee, circuitOver(stayer))]
  const dials = [second, other]
  const { links, dial, relay } = start(() => {
    const next = dials.shift() ?? other
    links.add(next)
    return Promise.resolve(next)
  })
  const circuit = linkTo(callee, circuitOver(leaver))
  links.add(circuit)
  const displacedAsUp: boolean[] = []
  links.onUp(link => displacedAsUp.push(link.displaced))
  links.leaving(relay)
  await until(() => circuit.state === 'down')
  expect(dial.mock.calls.length).toBeGreaterThan(1)
  expect(displacedAsUp.slice(0, 2)).toEqual([true, false])
})

it('circuits over a link to the relay that had retired before are replaced as well', async () => {
  const other = linkTo(callee, circuitOver(stayer))
  const { links, relay } = start(() => {
    links.add(other)
    return Promise.resolve(other)
  })
  const circuit = linkTo(callee, circuitOver(leaver))
  links.add(circuit)
  relay.markRetiring()
  links.leaving(relay)
  await until(() => circuit.state === 'down')
  expect(links.of(callee)).toEqual([other])
})

it('circuits that wait for those before them, that the peer dialled, or whose dial is not done, retire as early as others', async () => {
  const hangs = (signal: AbortSignal) =>
    new Promise<Link>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('given up')))
    })
  const { links, dial, relay } = start((_, signal) => hangs(signal))
  const own = Array.from({ length: 6 }, (_, at) => linkTo(`callee-${at}`, circuitOver(leaver)))
  const theirs = linkTo(callee, circuitOver(leaver), callee)
  for (const link of [...own, theirs]) links.add(link)
  links.leaving(relay)
  const retired = () => until(() => [...own, theirs].every(({ state }) => state === 'down'))
  expect(await msOf(retired)).toBeLessThan(15_000)
  // Calls wait for the dials that are not done.
  expect(dial.mock.calls[0]?.[1].aborted).toBe(false)
  expect(dial).toHaveBeenCalledTimes(4)

  // They keep no circuit of another relay waiting.
  const second = linkTo(stayer, '/ip4/127.0.0.1/tcp/2')
  for (const link of [second, linkTo('later', circuitOver(stayer))]) links.add(link)
  links.leaving(second)
  expect(dial.mock.lastCall?.[0]).toBe('later')
})
