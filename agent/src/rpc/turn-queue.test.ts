import { describe, expect, it } from 'vitest'
import { Lane } from './fair-queue.ts'
import { TimerWheel, type WheelClock } from '../core/timer-wheel.ts'
import { TurnQueue, type TurnEntry, type TurnMetrics } from './turn-queue.ts'

/** A process whose time passes only while its handlers run. */
class Process {
  now = 1_000
  /** What became of each request, in order. */
  readonly log: string[] = []
  readonly waits: number[] = []
  readonly #clock: WheelClock = { now: () => this.now, every: (_ms, turn) => ((this.tick = turn), () => {}) }
  readonly wheel = new TimerWheel(this.#clock)
  readonly turns: TurnQueue
  tick: () => void = () => {}

  constructor() {
    const metrics: TurnMetrics = { turnWaited: ms => this.waits.push(ms), turnRefused: () => {} }
    this.turns = new TurnQueue(this.wheel, {}, metrics)
    // The wheel runs and was never late.
    this.wheel.schedule(this.request('wheel', 0) as never, 60_000)
    this.now += 10
    this.tick()
  }

  request(name: string, costMs: number, more: Partial<TurnEntry> = {}): TurnEntry {
    return {
      open: true,
      arrivedAt: this.now,
      deadline: this.now + 10_000,
      start: () => {
        this.now += costMs
        this.log.push(name)
      },
      shed: () => void this.log.push(`${name} shed`),
      drop: () => void this.log.push(`${name} dropped`),
      ...more,
    }
  }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('turn queue', () => {
  it('runs handlers in the turn that read their requests while they are light', () => {
    const { turns, log, request } = bound(new Process())
    const lane = new Lane<TurnEntry>()
    for (const name of ['a', 'b', 'c']) turns.add(lane, request(name, 1))
    expect(log).toEqual([])
    turns.settle()
    expect(log).toEqual(['a', 'b', 'c'])
  })

  it('leaves the rest of a turn to the next once handlers used 20 ms of it', async () => {
    const { turns, log, request, process } = bound(new Process())
    const lane = new Lane<TurnEntry>()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) turns.add(lane, request(name, 8))
    turns.settle()
    turns.settle()
    expect(log).toEqual(['a', 'b', 'c'])
    await turn()
    expect(log).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    expect(process.waits).toEqual([8, 16, 24, 32, 40])
  })

  it('starts nothing whose caller gave up meanwhile or whose time is over', async () => {
    const { turns, log, request } = bound(new Process())
    const lane = new Lane<TurnEntry>()
    turns.add(lane, request('long', 30))
    const cancelled = { ...request('cancelled', 1), open: true }
    turns.add(lane, cancelled)
    turns.add(lane, request('expired', 1, { deadline: 1_035 }))
    turns.add(lane, request('wanted', 1))
    turns.settle()
    cancelled.open = false
    await turn()
    expect(log).toEqual(['long', 'cancelled dropped', 'expired dropped', 'wanted'])
  })

  it('waits for what else was received when the loop was late: a cancel may stand behind its request', async () => {
    const { turns, log, request, process } = bound(new Process())
    process.now += 500
    const read = { ...request('read late', 1), open: true }
    turns.add(new Lane(), read)
    turns.settle()
    expect(log).toEqual([])
    read.open = false
    await turn()
    expect(log).toEqual(['read late dropped'])
  })

  it('sheds what waited over 200 ms', async () => {
    const { turns, log, request } = bound(new Process())
    const lane = new Lane<TurnEntry>()
    turns.add(lane, request('block', 150))
    turns.add(lane, request('in time', 60))
    turns.add(lane, request('too late', 1))
    turns.settle()
    await turn()
    await turn()
    expect(log).toEqual(['block', 'in time', 'too late shed'])
  })

  it('sheds nothing that waited for other work of the process than handlers', async () => {
    const { turns, log, request, process } = bound(new Process())
    turns.add(new Lane(), request('light', 1))
    turns.settle()
    process.now += 50
    turns.add(new Lane(), request('read late', 1))
    turns.settle()
    process.now += 500
    await turn()
    expect(log).toEqual(['light', 'read late'])
  })

  it('lets requests wait for half as long once the queue stands', async () => {
    const { turns, log, request, process } = bound(new Process())
    const lane = new Lane<TurnEntry>()
    for (let round = 0; round < 80; round++) {
      for (let n = 0; n < 6; n++) turns.add(lane, request('work', 10))
      turns.settle()
      await turn()
    }
    expect(log.filter(entry => entry === 'work shed').length).toBeGreaterThan(100)
    expect(Math.max(...process.waits)).toBeLessThanOrEqual(220)
    expect(Math.max(...process.waits.slice(-50))).toBeLessThanOrEqual(120)
  })

  it('lets links take turns: a flood delays another link by one request', async () => {
    const { turns, log, request } = bound(new Process())
    const [flood, quiet] = [new Lane<TurnEntry>(), new Lane<TurnEntry>()]
    for (let n = 0; n < 30; n++) turns.add(flood, request('flood', 5))
    turns.add(quiet, request('quiet', 5))
    turns.settle()
    expect(log.indexOf('quiet')).toBe(1)
    while (turns.size > 0) await turn()
    expect(log).toContain('flood')
  })

  it('runs a request that a handler makes of its own process after that handler', () => {
    const { turns, log, request } = bound(new Process())
    const lane = new Lane<TurnEntry>()
    const inner = request('inner', 1)
    const outer = request('outer', 1, {
      start: () => {
        turns.add(lane, inner)
        turns.settle()
        log.push('outer')
      },
    })
    turns.add(lane, outer)
    turns.settle()
    expect(log).toEqual(['outer', 'inner'])
  })
})

function bound(process: Process) {
  const { turns, log } = process
  return { process, turns, log, request: process.request.bind(process) as Process['request'] }
}
