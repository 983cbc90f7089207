import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Link } from '../transport/links/link.ts'
import { bareLink } from '../transport/testing/bare-links.ts'
import { CircuitSuccessors } from './circuit-successors.ts'
import { pathDefaults } from './defaults.ts'

const circuit = () => bareLink({ peerId: 'callee' }, '/ip4/127.0.0.1/tcp/1/p2p/leaver/p2p-circuit')

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function waiting(dial: () => Promise<Link>, leftMs = Infinity) {
  const linkTo = vi.fn(dial)
  const successors = new CircuitSuccessors({ linkTo })
  const over = vi.fn<() => void>()
  const old = circuit()
  void successors.awaited(old, leftMs).then(over)
  return { successors, linkTo, over, old }
}

it('all work of a circuit waits for one dial', async () => {
  const dialled = Promise.withResolvers<Link>()
  const { successors, linkTo, over, old } = waiting(() => dialled.promise)
  const others = successors.awaited(old, Infinity)
  await vi.advanceTimersByTimeAsync(pathDefaults.successorMs - 1)
  expect(over).not.toHaveBeenCalled()
  dialled.resolve(circuit())
  await others
  expect(over).toHaveBeenCalledOnce()
  await successors.awaited(old, Infinity)
  expect(linkTo).toHaveBeenCalledOnce()
})

it('a dial that fails, or takes long, lets the work take the circuit, and later work at once', async () => {
  const refused = waiting(() => Promise.reject(new Error('refused')))
  await vi.advanceTimersByTimeAsync(0)
  expect(refused.over).toHaveBeenCalledOnce()
  const slow = waiting(() => new Promise(() => {}))
  await vi.advanceTimersByTimeAsync(pathDefaults.successorMs)
  expect(slow.over).toHaveBeenCalledOnce()
  const later = vi.fn<() => void>()
  void slow.successors.awaited(slow.old, Infinity).then(later)
  await vi.advanceTimersByTimeAsync(0)
  expect(later).toHaveBeenCalledOnce()
})

it('work with little time left waits for half of it', async () => {
  const { over } = waiting(() => new Promise(() => {}), 100)
  await vi.advanceTimersByTimeAsync(49)
  expect(over).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(over).toHaveBeenCalledOnce()
})

it('work that is given up waits no more; the dial continues for the others', async () => {
  const { successors, over, old } = waiting(() => new Promise(() => {}))
  const caller = new AbortController()
  const givenUp = vi.fn<() => void>()
  void successors.awaited(old, Infinity, caller.signal).then(givenUp)
  await vi.advanceTimersByTimeAsync(0)
  expect(givenUp).not.toHaveBeenCalled()
  caller.abort()
  await vi.advanceTimersByTimeAsync(0)
  expect(givenUp).toHaveBeenCalledOnce()
  expect(over).not.toHaveBeenCalled()
})
