import { MeshError } from '@agent-mesh/protocol'
import { expect, it } from 'vitest'
import { duplexPair } from 'node:stream'
import * as z from 'zod/mini'
import { BodyExchange, systemWheelClock, TimerWheel } from '../../rpc/index.ts'
import { ExposedPorts } from '../../rpc/pipes/exposed-ports.ts'
import { PipeServer } from '../../rpc/pipes/pipe-server.ts'
import { defineService } from '../contract/contract.ts'
import { Dispatcher, type DispatcherInit } from '../serve/dispatcher.ts'
import { localCallee } from './local-callee.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { denyUnless, math, ops } from '../testing/fixtures.ts'

it('judges calls to oneself by the claims of that moment', async () => {
  let caller = { ...ops, roles: ['guest'] }
  const authorize: DispatcherInit['authorize'] = ({ from }) => {
    if (!from.roles.includes('ops'))
      throw new MeshError('permission_denied', 'Cannot call math.add: no grant')
  }
  const registry = new ServiceRegistry()
  registry.serve(math, { add: ({ a, b }) => a + b, divide: ({ a, b }) => a / b })
  const now = () => systemWheelClock.now()
  const dispatcher = new Dispatcher({ registry, authorize, now })
  const wheel = new TimerWheel(systemWheelClock)
  const self = localCallee(
    dispatcher.handlerForCurrent(() => caller),
    { wheel },
  )
  await expect(self.call('math.add', { a: 1, b: 2 })).rejects.toMatchObject({ code: 'permission_denied' })
  caller = { ...ops, roles: ['ops'] }
  expect(await self.call('math.add', { a: 1, b: 2 })).toBe(3)
  self.close()
})

it('brings params over the limit of a frame only when the policy allows the call, and its contract their size', async () => {
  const blobs = defineService({
    name: 'blobs',
    version: 1,
    methods: {
      size: { params: z.instanceof(Uint8Array), result: z.number(), largest: 2_000_000 },
      secret: { params: z.instanceof(Uint8Array), result: z.number() },
    },
  })
  const registry = new ServiceRegistry()
  registry.serve(blobs, { size: bytes => bytes.length, secret: bytes => bytes.length })
  const now = () => systemWheelClock.now()
  const authorize = denyUnless('service:blobs.size')
  const dispatcher = new Dispatcher({ registry, authorize, now })
  const exchange = new BodyExchange()
  let fetched = 0
  const bodies = exchange.carrier(ops.sub, () => {
    fetched++
    const [own, served] = duplexPair()
    const server = new PipeServer({
      ports: new ExposedPorts(),
      authorize: () => undefined,
      take: ({ to }) => exchange.take(to.slice('body:'.length), ops),
    })
    server.serve(served, ops, exchange)
    return Promise.resolve(own)
  })
  const wheel = new TimerWheel(systemWheelClock)
  const self = localCallee(dispatcher.handlerFor(ops), { wheel, bodies })
  const refused = (method: string, bytes: number) => self.call(method, new Uint8Array(bytes))
  await expect(refused('blobs.secret', 1_900_000)).rejects.toMatchObject({ code: 'permission_denied' })
  await expect(refused('blobs.none', 1_900_000)).rejects.toMatchObject({ code: 'permission_denied' })
  await expect(refused('blobs.size', 2_000_001)).rejects.toMatchObject({
    code: 'too_large',
    notStarted: true,
  })
  expect(fetched).toBe(0)
  expect(await self.call('blobs.size', new Uint8Array(2_000_000))).toBe(2_000_000)
  expect(fetched).toBe(1)
  self.close()
})

it.each([0, 1.5, 256 * 1024 * 1024 + 1])('a contract with largest %d is refused', largest => {
  const methods = { m: { params: z.string(), result: z.string(), largest } }
  expect(() => defineService({ name: 'a', version: 1, methods })).toThrow(/has largest/)
})
