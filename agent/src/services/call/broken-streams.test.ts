/** What streams that break after their handlers have begun say of the member that served them. */
import { MeshError } from '@agent-mesh/protocol'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod/mini'
import { Balancer } from '../balance/balancer.ts'
import { defineService } from '../contract/contract.ts'
import { Dispatcher } from '../serve/dispatcher.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { allowAll, ops, SpecTargets } from '../testing/fixtures.ts'
import { ServiceCaller } from './service-caller.ts'

const now = () => performance.now()
const files = defineService({
  name: 'files',
  version: 1,
  methods: { tail: { params: z.unknown(), yields: z.string(), result: z.number() } },
})

const meshes = new SpecTargets()
afterEach(() => meshes.stop())

/** Members `a` and `b` whose streams begin, wait, and fail with the error that `fail` gets. */
function meshOf() {
  const { promise: failing, reject: fail } = Promise.withResolvers<never>()
  failing.catch(() => undefined)
  const registry = new ServiceRegistry()
  registry.serve(files, {
    tail: async function* () {
      yield 'begun'
      return await failing
    },
  })
  const handler = new Dispatcher({ registry, authorize: allowAll, now }).handlerFor(ops)
  const targets = meshes.of({ a: handler, b: handler })
  const balancer = new Balancer({ random: () => 0 })
  return {
    fail,
    targets,
    balancer,
    caller: new ServiceCaller({ targets, contracts: [files], balancer, now, random: () => 0 }),
  }
}

/** Streams of `a` whose handlers have begun, and one of any member before: so all are known. */
async function begun({ caller }: ReturnType<typeof meshOf>, count: number, timeout?: number) {
  await caller.stream('files.tail', null).next()
  const streams = Array.from({ length: count }, () =>
    caller.stream('files.tail', null, { peer: 'a', timeout }),
  )
  for (const stream of streams) expect(await stream.next()).toEqual({ done: false, value: 'begun' })
  return streams
}

describe('streams that break', () => {
  it('eject their provider when it fails', async () => {
    const mesh = meshOf()
    const streams = await begun(mesh, 10)
    expect(mesh.balancer.ejected().open).toBe(0)
    mesh.fail(new MeshError('unavailable', 'Cannot tail: the disk is gone'))
    await Promise.allSettled(streams.map(({ result }) => result))
    await vi.waitUntil(() => mesh.balancer.ejected().open === 1, { timeout: 20_000 })
  })

  it('eject it when its path is lost', async () => {
    const mesh = meshOf()
    const streams = await begun(mesh, 10)
    mesh.targets.pairs.get('a')?.calleeSocket.destroy()
    await Promise.allSettled(streams.map(({ result }) => result))
    await vi.waitUntil(() => mesh.balancer.ejected().open === 1, { timeout: 20_000 })
  })

  it.each([
    ['its handler refuses', undefined, 'not_found'],
    ['its caller leaves', undefined, 'cancelled'],
    ['their time is over', 200, 'deadline_exceeded'],
  ] as const)('do not eject it when %s', async (_, timeout, code) => {
    const mesh = meshOf()
    const streams = await begun(mesh, 10, timeout)
    if (code === 'not_found') mesh.fail(new MeshError(code, 'Cannot tail: no such file'))
    if (code === 'cancelled') for (const stream of streams) stream.cancel()
    for (const { result } of streams) await expect(result).rejects.toMatchObject({ code })
    expect(mesh.balancer.ejected()).toEqual({ open: 0, 'half-open': 0 })
  })
})
