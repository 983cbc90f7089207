/**
 * What tracing costs where no OpenTelemetry SDK is set up: calls, streams and messages of topics of two agents that look for one
 * (the default) beside two pairs that do not (`tracing: false`), all in this process. The three pairs take turns of some 5 ms of CPU in
 * each of their six orders, so that what else the machine does, and what the turn before left, meets all alike; a ratio is that of the
 * CPU of two turns of one group of three.
 */
import { defineService, type Agent } from '@agent-mesh/agent'
import { once } from 'node:events'
import * as z from 'zod'
import { LocalMesh } from '../../../test/support/local-mesh.ts'
import type { Bench, BenchOptions, BenchResult } from '../bench.ts'
import { median } from '../load.ts'

/** Groups of three turns in a round: each order as often. */
const groupsInRound = 102
const text = 'x'.repeat(100)
const message = Buffer.alloc(1_024, 'x')
const messagesOfStream = 10

const work = defineService({
  name: 'work',
  version: 1,
  methods: {
    echo: { params: z.string(), result: z.string(), effects: 'read' },
    count: { params: z.int(), yields: z.string(), result: z.undefined(), effects: 'read' },
  },
})

/** A caller and a callee; the callee subscribes to what the caller publishes. */
class Pair {
  readonly #caller: Agent
  readonly #callee: Agent
  readonly #topic: string
  #heard = 0
  #wanted = Infinity
  readonly #arrived = new EventTarget()

  private constructor(caller: Agent, callee: Agent, topic: string) {
    this.#caller = caller
    this.#callee = callee
    this.#topic = topic
  }

  static async start(mesh: LocalMesh, tracing: 'auto' | false, name: string): Promise<Pair> {
    const callee = await mesh.agent({ name: `callee-${name}`, tracing })
    callee.serve({
      contract: work,
      handlers: {
        echo: params => params,
        count: async function* (count) {
          for (let n = 0; n < count; n++) yield text
        },
      },
    })
    const caller = await mesh.agent({ name: `caller-${name}`, tracing })
    const pair = new Pair(caller, callee, `load.${name}`)
    await pair.#meet()
    return pair
  }

  async #meet(): Promise<void> {
    await this.#caller.waitFor('work')
    await this.calls(1)
    const heard = ({ lost }: { lost: number }): void => {
      this.#heard += 1 + lost
      if (this.#heard >= this.#wanted) this.#arrived.dispatchEvent(new Event('all'))
    }
    await this.#callee.subscribe(this.#topic, { onMessage: heard })
    while ((await this.#caller.publish(this.#topic, 'ready', { acks: 1 })).acks < 1);
  }

  /** 32 at a time. */
  async calls(count: number): Promise<void> {
    await this.#atATime(count, () => this.#caller.ask('work.echo', text, { peer: this.#callee.peerId }))
  }

  async streams(count: number): Promise<void> {
    await this.#atATime(count, async () => {
      const stream = this.#caller.stream('work.count', messagesOfStream, { peer: this.#callee.peerId })
      let seen = 0
      for await (const item of stream) if (item === text) seen++
      if (seen !== messagesOfStream) throw new Error(`A stream had ${seen} messages`)
    })
  }

  async messages(count: number): Promise<void> {
    this.#heard = 0
    this.#wanted = count
    const all = once(this.#arrived, 'all')
    await this.#atATime(count, () => this.#caller.publish(this.#topic, message), 512)
    await all
  }

  async #atATime(count: number, act: () => Promise<unknown>, atATime = 32): Promise<void> {
    let left = count
    const loop = async (): Promise<void> => {
      while (left-- > 0) await act()
    }
    await Promise.all(Array.from({ length: atATime }, loop))
  }
}

type Kind = 'calls' | 'streams' | 'messages'
/** Of each turn. */
const counts: Record<Kind, number> = { calls: 300, streams: 64, messages: 512 }

/** Microseconds of CPU of both agents. */
async function cpuOf(pair: Pair, kind: Kind): Promise<number> {
  const before = process.cpuUsage()
  await pair[kind](counts[kind])
  const { user, system } = process.cpuUsage(before)
  return user + system
}

interface Pairs {
  traced: Pair
  plain: Pair
  /** As `plain`: what it costs more or less than that is the error of the bench. */
  control: Pair
}

const orders = [
  ['traced', 'plain', 'control'],
  ['control', 'plain', 'traced'],
  ['plain', 'control', 'traced'],
  ['traced', 'control', 'plain'],
  ['control', 'traced', 'plain'],
  ['plain', 'traced', 'control'],
] as const

async function compare(kind: Kind, pairs: Pairs, { rounds, progress }: BenchOptions) {
  const ratios: number[] = []
  const ofControl: number[] = []
  const cpu: number[] = []
  for (let group = -groupsInRound; group < rounds * groupsInRound; group++) {
    const took = { traced: 0, plain: 0, control: 0 }
    for (const name of orders[(group + groupsInRound) % orders.length]!)
      took[name] = await cpuOf(pairs[name], kind)
    if (group < 0) continue
    ratios.push(took.traced / took.plain)
    ofControl.push(took.control / took.plain)
    cpu.push(took.plain)
    if ((group + 1) % groupsInRound === 0)
      progress(
        `${kind}: ${median(ratios).toFixed(4)}, control ${median(ofControl).toFixed(4)} after ${group + 1} groups`,
      )
  }
  const [ratio, control] = [quarters(ratios), quarters(ofControl)]
  return {
    ...{ ratio: ratio.median, quartiles: ratio.quartiles },
    ...{ control: control.median, control_quartiles: control.quartiles },
    cpu_us: Math.round((100 * median(cpu)) / counts[kind]) / 100,
  }
}

function quarters(values: number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => round4(sorted[Math.floor(share * sorted.length)]!)
  return { median: at(0.5), quartiles: [at(0.25), at(0.75)] }
}

const round4 = (value: number): number => Math.round(value * 10_000) / 10_000

export const tracing: Bench = {
  about: 'the CPU of calls, streams and messages of topics with tracing and no SDK, of that without tracing',
  async run(options): Promise<BenchResult> {
    const mesh = await LocalMesh.start()
    try {
      const traced = await Pair.start(mesh, 'auto', 'with')
      const plain = await Pair.start(mesh, false, 'without')
      const pairs = { traced, plain, control: await Pair.start(mesh, false, 'control') }
      const calls = await compare('calls', pairs, options)
      const streams = await compare('streams', pairs, options)
      const messages = await compare('messages', pairs, options)
      return { bench: 'tracing', calls, streams, messages }
    } finally {
      await mesh.stop()
    }
  },
}
