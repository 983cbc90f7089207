/**
 * A hundred agents call one service. Its pool of worker threads grows and shrinks by the scaling signal of a control plane.
 *   npx node examples/scaling-mesh.ts
 */
import type { Agent } from '@agent-mesh/agent'
import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Callers } from './scaling/callers.ts'
import { WorkerPool } from './scaling/worker-pool.ts'
import { primesFrom } from './scaling/primes.ts'
import { Site, type Signal } from './scaling/site.ts'

const agentCount = 100
const startsAtOnce = 4
const cores = availableParallelism()
/** Two at least, to see it grow. */
const mostWorkers = Math.min(4, Math.max(2, cores))
/** So many that a worker is seldom without one: each caller chooses without knowing what the others chose. */
const callsPerWorker = 12
/** Of each worker, in a measurement. */
const results = 20
const measurements = 5
const limitMs = 300_000
const minuteMs = 60_000

const site = await Site.start()
const pool = new WorkerPool(name => site.settings(name))
try {
  const agents: Agent[] = []
  const names = Array.from({ length: agentCount }, (_, number) => `agent-${number + 1}`)
  while (names.length > 0)
    agents.push(...(await Promise.all(names.splice(0, startsAtOnce).map(name => site.agent(name)))))
  const callers = new Callers(agents)
  console.log(`${agents.length} agents, ${cores} cores: up to ${mostWorkers} workers`)

  /** Reads the signal until it says what is waited for. */
  const signalled = async (says: (signal: Signal) => boolean): Promise<Signal> => {
    const startedAt = performance.now()
    for (;;) {
      const signal = await site.signal('primes')
      if (says(signal)) return signal
      assert.ok(performance.now() - startedAt < limitMs, `the signal stays at ${JSON.stringify(signal)}`)
      await delay(500)
    }
  }

  /** Starts a worker, and lets each caller find it. */
  const grow = async (): Promise<void> => callers.meet(await pool.grow())

  /**
   * What the workers achieve when they are called, in workers that compute the same without being called: the share of the time in
   * which they have work, times the ratio of what a result takes of a core. With free cores that is the ratio of the rates; what else
   * the machine does takes from the rates, and changes neither of the two. The median of measurements that take turns.
   */
  const worth = async (): Promise<number> => {
    const ratios: number[] = []
    const count = results * pool.size
    for (let measured = 0; measured < measurements; measured++) {
      callers.start(callsPerWorker * pool.size)
      await callers.answers(callsPerWorker * pool.size)
      const called = await pool.measure(() => callers.answers(count))
      await callers.stop()
      const alone = await pool.measure(() => pool.alone(results))
      ratios.push(called.busy * Math.min(1, alone.cpuMs / called.cpuMs))
      for (const [what, { ms, cpuMs, busy }] of [['called', called] as const, ['alone', alone] as const])
        console.log(
          `workers: ${pool.size}, ${what}: ${((count * 1_000) / ms).toFixed(1)}/s, ` +
            `${(cpuMs / count).toFixed(1)} ms of a core each, busy ${busy.toFixed(2)}`,
        )
    }
    return ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)]! * pool.size
  }

  await grow()
  let before = 0
  for (;;) {
    if (pool.size <= cores) {
      const now = await worth()
      const added = now - before
      console.log(`worker ${pool.size} adds ${added.toFixed(2)} of one that is not called`)
      assert.ok(added >= 0.8, 'up to the cores there are, a worker adds 0.8 of linear or more')
      before = now
    }
    if (pool.size === mostWorkers) break
    callers.start(callsPerWorker * pool.size)
    const { desired, saturation } = await signalled(signal => signal.desired > pool.size)
    await callers.stop()
    console.log(`workers: ${pool.size}, saturation ${saturation}: ${desired} are wanted`)
    await grow()
  }

  const popular = 20_000_000_000
  const expected = primesFrom(popular)
  for (let round = 0; round < 3; round++)
    for (const count of await Promise.all(agents.map(() => callers.call(popular))))
      assert.equal(count, expected)
  const hits = await callers.cacheHits()
  console.log(`answers from caches: ${hits}`)
  assert.ok(hits > 0)

  // The signal falls after 300 s of reports, a step a minute. Minutes pass at once, each when the relay has reported, as it does soon
  // after an agent came or left.
  for (let minutes = 1; pool.size > 1; minutes++) {
    assert.ok(minutes <= 20, 'the pool shrinks')
    site.clock.advance(minuteMs)
    const visitor = await site.agent(`visitor-${minutes}`)
    await callers.call()
    await visitor.stop()
    const { desired, reason } = await signalled(({ ageSeconds }) => ageSeconds * 1_000 < minuteMs)
    if (desired >= pool.size) continue
    await pool.shrink()
    console.log(`workers: ${pool.size}, as ${desired} are wanted: ${reason}`)
  }
  console.log(`calls: ${callers.sent}, answers: ${callers.answered}`)
  assert.equal(callers.answered, callers.sent)
} finally {
  await pool.stop()
  await site.stop()
}
