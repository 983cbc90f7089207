/** Handlers of streams as programs in JavaScript may write them. */
import { afterEach, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { defineService } from '../contract/contract.ts'
import { ServiceCaller } from '../call/service-caller.ts'
import { allowAll, ops, SpecTargets } from '../testing/fixtures.ts'
import { Dispatcher } from './dispatcher.ts'
import { ServiceRegistry } from './service-registry.ts'

const now = () => performance.now()
const logs = defineService({
  name: 'logs',
  version: 1,
  methods: { tail: { params: z.string(), yields: z.unknown(), result: z.unknown() } },
})

const meshes = new SpecTargets()
afterEach(() => meshes.stop())

/** The stream of a method with this handler. */
function tailOf(tail: () => unknown, onFailure: (failure: { thrown: unknown }) => void = () => {}) {
  const registry = new ServiceRegistry()
  registry.serve(logs, { tail: tail as never })
  const targets = meshes.of({})
  targets.add('a', new Dispatcher({ registry, authorize: allowAll, onFailure, now }).handlerFor(ops))
  return new ServiceCaller({ targets, contracts: [logs], now, random: () => 0 }).stream('logs.tail', '')
}

it('sends what an async function returns as messages', async () => {
  const seen: unknown[] = []
  for await (const line of tailOf(() => Promise.resolve(['a', 'b']))) seen.push(line)
  expect(seen).toEqual(['a', 'b'])
})

it('fails for an async function that throws, or returns no messages', async () => {
  const broken = tailOf(() => Promise.reject(new Error('no such file')))
  await expect(broken.next()).rejects.toMatchObject({ code: 'internal' })
  const silent = tailOf(() => Promise.resolve())
  await expect(silent.next()).rejects.toMatchObject({ message: expect.stringContaining('no iterable') })
})

it('keeps what a message throws while it is encoded in the log of the callee, once', async () => {
  const secret = new Error('cannot reach db-1.internal:5432')
  const toJSON = (): never => {
    throw secret
  }
  const logged: unknown[] = []
  const broken = tailOf(
    () => ['a', { toJSON }],
    ({ thrown }) => void logged.push(thrown),
  )
  expect(await broken.next()).toEqual({ done: false, value: 'a' })
  await expect(broken.next()).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringMatching(/^Cannot call logs\.tail: its handler failed, failure [0-9a-f]{12}$/),
  })
  expect(logged).toEqual([secret])
})
