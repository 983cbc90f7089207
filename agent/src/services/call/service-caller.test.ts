import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { noMetrics, type OnRequest } from '../../rpc/index.ts'
import type { CallTargets } from '../balance/call-targets.ts'
import { hostHandlers } from '../serve/host-info.ts'
import { defineService } from '../contract/contract.ts'
import { hostService } from '../contract/host-service.ts'
import { localCallee } from './local-callee.ts'
import { Dispatcher } from '../serve/dispatcher.ts'
import { ServiceCaller } from './service-caller.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { failing } from '../testing/failing.ts'
import { allowAll, math, ops, SpecTargets, type TestTargets } from '../testing/fixtures.ts'
import { msOf, quickest } from '../../../../test/support/quickest.ts'

const now = () => performance.now()
const random = () => 0

const meshes = new SpecTargets()
const meshOf = (members: Record<string, OnRequest>): TestTargets => meshes.of(members)
afterEach(() => meshes.stop())

/** As the limiter, the drain or the policy of a callee does. */
const refuse =
  (code: ErrorCode): OnRequest =>
  () => {
    throw new MeshError(code, `Cannot serve: ${code}`, { notStarted: true })
  }
const never: OnRequest = () => new Promise(() => {})

const typed = (targets: CallTargets) => new ServiceCaller({ targets, contracts: [math], now, random })
const untyped = (targets: CallTargets) => new ServiceCaller({ targets, now, random })

const pathTo = (to: string) => ({ from: 'self', to, links: [], tried: [] })

describe('call()', () => {
  it('types params and result by the contracts, and takes any name without them', async () => {
    const mesh = meshOf({ a: call => (call.params() as { a: number }).a })
    const caller = typed(mesh)
    const sum = await caller.call('math.add', { a: 1, b: 2 })
    expectTypeOf(sum).toEqualTypeOf<number>()
    expectTypeOf<Parameters<typeof caller.call<'math.add'>>[1]>().toEqualTypeOf<{ a: number; b: number }>()
    // Every member serves host: it need not be named.
    expectTypeOf<Awaited<ReturnType<typeof caller.call<'host.info'>>>['hostname']>().toEqualTypeOf<string>()
    // @ts-expect-error -- no contract has this method
    await caller.call('math.subtract', {}).catch(() => {})
    // @ts-expect-error -- b is a number
    await caller.call('math.add', { a: 1, b: '2' }).catch(() => {})
    const anything = await untyped(mesh).call('any.thing', { a: 7 })
    expectTypeOf(anything).toEqualTypeOf<unknown>()
    expect([sum, anything]).toEqual([1, 7])
  })

  it('asks for the version of the contract', async () => {
    const caller = typed(meshOf({ a: ({ method }) => (method === 'math@2.add' ? 1 : 0) }))
    expect(await caller.call('math.add', { a: 1, b: 2 })).toBe(1)
  })

  it('calls a service as an object, typed, in the version of its contract', async () => {
    const asked: string[] = []
    const mesh = meshOf({
      a: call => {
        asked.push(call.method)
        return 3
      },
    })
    const math3 = defineService({ ...math, version: 3 })
    const [client, older] = [typed(mesh).service(math3), typed(mesh).service(math)]
    const sum = await client.add({ a: 1, b: 2 }, { timeout: 5_000 })
    expectTypeOf(sum).toEqualTypeOf<number>()
    // @ts-expect-error -- b is a number
    await expect(client.add({ a: 1, b: '2' })).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('Cannot call math.add: b') as string,
      hint: 'See its params and its result: agent-mesh describe math.add',
    })
    await older.add({ a: 1, b: 2 })
    await typed(mesh).call('math.add', { a: 1, b: 2 })
    expect(asked).toEqual(['math@3.add', 'math@2.add', 'math@2.add'])
    expect(Object.keys(client)).toEqual(['add', 'divide'])
  })

  it('counts calls of every version under the name of the method', async () => {
    const ended: string[] = []
    const metrics = { ...noMetrics, callEnded: (_: unknown, method: string) => void ended.push(method) }
    const caller = new ServiceCaller({ targets: meshOf({ a: () => 'no number' }), metrics, now, random })
    await caller.call('math@2.add', {}).catch(() => {})
    await caller
      .service(math)
      .add({ a: 1, b: 2 })
      .catch(() => {})
    expect(ended).toEqual(['math@2.add', 'math.add'])
  })

  it('refuses params that do not fit before anybody is asked, and a result that does not fit after', async () => {
    const mesh = meshOf({ a: () => 'no number' })
    const caller = typed(mesh)
    await expect(caller.call('math.add', { a: 'x' } as never)).rejects.toEqual(failing('invalid_argument'))
    await expect(caller.call('nodots' as never)).rejects.toEqual(failing('invalid_argument'))
    expect(mesh.connects).toEqual([])
    await expect(caller.call('math.add', { a: 1, b: 2 })).rejects.toEqual(failing('protocol_error'))
  })

  it('says so when nobody serves the method and when nobody has the name', async () => {
    const mesh = meshOf({})
    await expect(untyped(mesh).call('a.b')).rejects.toEqual(failing('unavailable'))
    await expect(untyped(mesh).call('a.b', 1, { peer: 'bob' })).rejects.toEqual(failing('not_found'))
  })

  it('asks the named member only', async () => {
    const mesh = meshOf({ a: () => 'a', b: () => 'b' })
    expect(await untyped(mesh).call('x.y', 1, { peer: 'b' })).toBe('b')
    expect(mesh.connects).toEqual(['b'])
  })

  it('ends with its deadline, the time of the method or the one given', async () => {
    const caller = typed(meshOf({ a: never }))
    const late = async () => {
      await expect(caller.call('math.divide', { a: 1, b: 2 })).rejects.toEqual(failing('deadline_exceeded'))
      const call = caller.call('math.add', { a: 1, b: 2 }, { timeout: 30 })
      await expect(call).rejects.toEqual(failing('deadline_exceeded'))
    }
    expect(await quickest(2_000, () => msOf(late))).toBeLessThan(2_000)
  })

  it('ends when its signal does, also between two tries', async () => {
    const mesh = meshOf({ a: refuse('going_away') })
    const controller = new AbortController()
    const call = untyped(mesh).call('a.b', 1, { signal: controller.signal })
    await vi.waitUntil(() => mesh.connects.length > 3, 20_000)
    controller.abort()
    await expect(call).rejects.toEqual(failing('cancelled'))
  })
})

describe('retries of call()', () => {
  it('go to another member at once when one is gone or shed the call', async () => {
    for (const code of ['going_away', 'overloaded', 'unavailable'] as const) {
      const mesh = meshOf({ a: refuse(code), b: () => 'b' })
      expect(await untyped(mesh).ask('x.y')).toEqual({ value: 'b', peerId: 'b', attempts: 2 })
    }
  })

  it('go to members believed online first, and to the others when those fail', async () => {
    const mesh = meshOf({ off: () => 'off', on: refuse('going_away') })
    mesh.offline.add('off')
    expect(await untyped(mesh).ask('x.y', 1)).toMatchObject({ peerId: 'off', attempts: 2 })
    expect(mesh.connects).toEqual(['on', 'off'])
  })

  it('come back to the only member after a pause', async () => {
    let calls = 0
    const mesh = meshOf({ a: () => (++calls < 3 ? refuse('unavailable')(undefined as never) : 'back') })
    expect(await untyped(mesh).ask('x.y')).toMatchObject({ value: 'back', attempts: 3 })
  })

  it('repeat a written call only when it is idempotent', async () => {
    const cutting = (mesh: () => TestTargets): OnRequest => {
      let first = true
      return () => {
        if (!first) return 'second'
        first = false
        mesh().pairs.get('a')?.calleeSocket.destroy()
        return new Promise(() => {})
      }
    }
    const once: TestTargets = meshOf({ a: cutting(() => once) })
    await expect(untyped(once).call('x.y')).rejects.toEqual(failing('path_lost'))
    const twice: TestTargets = meshOf({ a: cutting(() => twice) })
    expect(await untyped(twice).call('x.y', 1, { idempotent: true })).toBe('second')
  })

  it('never follow an error that another try cannot mend', async () => {
    for (const code of [
      'application',
      'permission_denied',
      'deadline_exceeded',
      'invalid_argument',
    ] as const) {
      const mesh = meshOf({ a: refuse(code), b: () => 'b' })
      await expect(untyped(mesh).call('x.y')).rejects.toEqual(failing(code))
      expect(mesh.connects).toEqual(['a'])
    }
  })

  it('stop early at overload and in any case at the deadline', async () => {
    const shed = meshOf({ a: refuse('overloaded') })
    await expect(untyped(shed).call('x.y')).rejects.toEqual(failing('overloaded'))
    expect(shed.connects).toHaveLength(3)
    const gone = meshOf({ a: refuse('unavailable') })
    const late = () =>
      expect(untyped(gone).call('x.y', 1, { timeout: 1_000 })).rejects.toEqual(failing('unavailable'))
    expect(await quickest(5_000, () => msOf(late))).toBeLessThan(5_000)
  })
})

describe('a call in flight at a member that is revoked', () => {
  /** `a` is cut off once it has the call; `b` answers. */
  function revoking() {
    const reason = new MeshError('revoked', 'Cannot go on with a: it was revoked')
    const cut: OnRequest = () => {
      mesh.pairs.get('a')?.caller.abort(reason)
      return new Promise(() => {})
    }
    const mesh = meshOf({ a: cut, b: () => 'b' })
    return untyped(mesh)
  }

  it('goes elsewhere when it may run twice, else its path is lost', async () => {
    expect(await revoking().call('x.y', 1, { idempotent: true })).toBe('b')
    await expect(revoking().call('x.y')).rejects.toEqual(failing('path_lost'))
  })

  it('ends with `revoked` when it named that member', async () => {
    await expect(revoking().call('x.y', 1, { peer: 'a' })).rejects.toEqual(failing('revoked'))
  })
})

describe('a handler that fails with an error of its own calls', () => {
  /** Two tiers: `front` calls `back`, whose handler fails with `code`. @returns how often each ran */
  async function runs(code: ErrorCode): Promise<{ front: number; back: number; told: unknown }> {
    const count = { front: 0, back: 0 }
    const tier = (name: 'front' | 'back', work: () => Promise<number>) => {
      const registry = new ServiceRegistry()
      const divide = () => {
        count[name]++
        return work()
      }
      registry.serve(math, { add: () => 0, divide })
      return meshOf({ [name]: new Dispatcher({ registry, authorize: allowAll, now }).handlerFor(ops) })
    }
    const params = { a: 1, b: 1 }
    // The contract gives it 200 ms, which a busy machine takes.
    const patient = { timeout: 20_000 }
    const back = typed(tier('back', () => Promise.reject(new MeshError(code, 'Cannot call ledger.add'))))
    const front = typed(tier('front', () => back.call('math.divide', params, patient)))
    const error = await front.call('math.divide', params, patient).catch((thrown: unknown) => thrown)
    return { ...count, told: (error as MeshError).code }
  }

  it.each<ErrorCode>([
    'unavailable',
    'overloaded',
    'rate_limited',
    'too_many_links',
    'going_away',
    'path_lost',
  ])('is run once, and its code is told: %s', async code =>
    expect(await runs(code)).toEqual({ front: 1, back: 1, told: code }),
  )
})

describe('host.info', () => {
  it('tells about this machine, to oneself as to others', async () => {
    const registry = new ServiceRegistry()
    registry.serve(
      hostService,
      hostHandlers({ version: '0.1.0', diskPath: import.meta.dirname, pathTo, describe: () => [] }),
    )
    const dispatcher = new Dispatcher({ registry, authorize: allowAll, now })
    const mesh = meshOf({ remote: dispatcher.handlerFor(ops) })
    const link = localCallee(dispatcher.handlerFor(ops), mesh)
    const self = {
      providers: () => ({ good: ['me'], doubtful: [], offline: [] }),
      versions: () => [],
      find: () => 'me',
      nameOf: () => 'me',
      callee: () => link,
    }
    for (const caller of [typed(mesh), typed(self)]) {
      const info = await caller.call('host.info')
      expect(info.memory.total).toBeGreaterThan(0)
      expect(info.disk?.total).toBeGreaterThan(0)
      expect(info.versions).toEqual({ agent: '0.1.0', node: process.versions.node })
    }
    link.close()
  })

  it('goes without the disk when that cannot be read', async () => {
    const info = await hostHandlers({
      version: '1',
      diskPath: '/no/such/folder',
      pathTo,
      describe: () => [],
    }).info(undefined, undefined as never)
    expect(info.disk).toBeUndefined()
    expect(info.uptime.host).toBeGreaterThan(0)
  })
})
