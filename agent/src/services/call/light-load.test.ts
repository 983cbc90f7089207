/** What a call costs where nothing waits, in what can be counted: time differs with the machine. */
import { createHook } from 'node:async_hooks'
import { afterEach, expect, it } from 'vitest'
import { OtelTracing } from '../../observe/otel-tracing.ts'
import { memoryStreams, rpcLink, systemWheelClock, TimerWheel, TurnQueue } from '../../rpc/index.ts'
import { Dispatcher } from '../serve/dispatcher.ts'
import { MethodLimiter } from '../serve/call-limiter.ts'
import { ServiceRegistry } from '../serve/service-registry.ts'
import { allowAll, math, ops } from '../testing/fixtures.ts'
import { ServiceCaller } from './service-caller.ts'

/** Everything a call passes from its caller to its handler and back, in this process, on a clock that counts its readings. */
class CallPath {
  readings = 0
  readonly wheel = new TimerWheel({ ...systemWheelClock, now: () => (this.readings++, performance.now()) })
  readonly caller: ServiceCaller<[typeof math]>

  constructor() {
    const { wheel } = this
    const now = () => wheel.now()
    // A machine that stops this process for long sheds nothing.
    const turns = new TurnQueue(wheel, { mostWaitMs: 60_000, standingWaitMs: 60_000 })
    const registry = new ServiceRegistry()
    registry.serve(math, { add: ({ a, b }) => a + b, divide: async ({ a, b }) => a / b })
    const limiter = new MethodLimiter({ now })
    const tracing = new OtelTracing(() => undefined)
    const dispatcher = new Dispatcher({ registry, authorize: allowAll, limiter, tracing, now })
    const [near, far] = memoryStreams()
    rpcLink({ stream: far, wheel, turns, onRequest: dispatcher.handlerFor(ops) })
    const link = rpcLink({ stream: near, wheel, turns, onRequest: () => undefined })
    const providers = { good: ['callee', 'another'], doubtful: [], offline: [] }
    const targets = {
      providers: () => providers,
      versions: () => [],
      find: () => 'callee',
      nameOf: () => 'callee',
      callee: () => ({ call: link.call.bind(link) }),
    }
    const lately = () => wheel.readAt
    this.caller = new ServiceCaller({ targets, contracts: [math], tracing, now, lately, random: Math.random })
  }

  /** Calls `count` times at once. @returns readings of the clock and asynchronous resources, by type, of all calls together */
  async cost(count: number): Promise<{ readings: number; made: (type: string) => number }> {
    const types: string[] = []
    const hook = createHook({ init: (_id, type) => void types.push(type) })
    const before = this.readings
    let answered = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    hook.enable()
    for (let n = 0; n < count; n++)
      this.caller.call('math.add', { a: n, b: 1 }).then(
        () => void (++answered === count && resolve()),
        () => undefined,
      )
    await promise
    hook.disable()
    return {
      readings: this.readings - before,
      made: type => types.filter(made => made === type).length,
    }
  }
}

let path: CallPath
afterEach(() => path.wheel.stop())

const calls = 64

it('a call reads the clock once at each end; what else reads it serves many calls', async () => {
  path = new CallPath()
  await path.cost(calls)
  expect((await path.cost(calls)).readings).toBeLessThanOrEqual(2 * calls + calls / 4)
})

it('a call makes a promise for its link and one for its caller, and no timer', async () => {
  path = new CallPath()
  await path.cost(calls)
  // The runner of the tests makes some in this process, too, now and then.
  const fewest = { promises: Infinity, timers: Infinity }
  for (let tries = 0; tries < 5; tries++) {
    const { made } = await path.cost(calls)
    fewest.promises = Math.min(fewest.promises, made('PROMISE'))
    fewest.timers = Math.min(fewest.timers, made('Timeout'))
  }
  // One more each is of the test, which waits for the answer.
  expect(fewest.promises).toBeLessThanOrEqual(calls * (2 + 1) + calls / 2)
  expect(fewest.timers).toBeLessThanOrEqual(1)
})
