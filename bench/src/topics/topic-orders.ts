/** What a process of members is asked in the bench of topics. Clocks of one machine agree. */
import type { Agent } from '@agent-mesh/agent'

export type TopicOrder =
  /** Each of its agents subscribes. */
  | { order: 'hear'; topic: string; group?: string }
  /** One of its agents publishes until so many subscriptions acknowledge one message. */
  | { order: 'heard-by'; topic: string; subscriptions: number }
  /** So many messages a second, of so many bytes, for so long. */
  | { order: 'publish'; topic: string; rate: number; bytes: number; ms: number }
  /** What was heard since it was asked last. */
  | { order: 'report' }
  /** Publishes a value to be retained. */
  | { order: 'retain'; topic: string }
  /** Subscribes to a topic that has a value. */
  | { order: 'retained'; topic: string }

export interface Heard {
  /** Messages by ms from publishing to the handler. */
  readonly byMs: Record<number, number>
  readonly messages: number
  /** Dropped, as the subscriptions say. */
  readonly lost: number
  /** Messages that were handled a second time, or after a later one. */
  readonly twice: number
  /** Microseconds of CPU. */
  readonly cpu: number
}

const now = (): number => performance.timeOrigin + performance.now()
const headBytes = 12

class Ear {
  #byMs: Record<number, number> = {}
  #messages = 0
  #lost = 0
  #twice = 0
  #cpu = process.cpuUsage()

  async listen(agent: Agent, topic: string, group: string | undefined): Promise<void> {
    let last = -1
    const onMessage = ({ value, lost }: { value: unknown; lost: number }) => {
      this.#lost += lost
      // Of "heard-by".
      if (!(value instanceof Uint8Array)) return
      const message = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      const ms = Math.max(0, Math.round(now() - message.readDoubleBE()))
      const number = message.readUInt32BE(8)
      if (number > 0 && number <= last) this.#twice++
      last = number
      this.#messages++
      this.#byMs[ms] = (this.#byMs[ms] ?? 0) + 1
    }
    await agent.subscribe(topic, { onMessage, ...(group !== undefined && { group }) })
  }

  report(): Heard {
    const { user, system } = process.cpuUsage(this.#cpu)
    const heard = {
      ...{ byMs: this.#byMs, messages: this.#messages, lost: this.#lost, twice: this.#twice },
      cpu: user + system,
    }
    this.#byMs = {}
    this.#messages = this.#lost = this.#twice = 0
    this.#cpu = process.cpuUsage()
    return heard
  }
}

/** Publishes in step with the clock. @returns how many were accepted */
async function publishAtRate(
  agent: Agent,
  { topic, rate, bytes, ms }: Extract<TopicOrder, { order: 'publish' }>,
): Promise<number> {
  const startedAt = performance.now()
  const sent: Promise<boolean>[] = []
  for (let elapsed = 0; elapsed < ms; elapsed = performance.now() - startedAt) {
    while (sent.length < (elapsed * rate) / 1_000) {
      const message = Buffer.alloc(Math.max(bytes, headBytes), 'x')
      message.writeDoubleBE(now())
      message.writeUInt32BE(sent.length, 8)
      sent.push(
        agent.publish(topic, message).then(
          () => true,
          () => false,
        ),
      )
    }
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  return (await Promise.all(sent)).filter(Boolean).length
}

/** @param agents of this process */
export function topicOrders(agents: () => Agent[]) {
  const ear = new Ear()
  const first = (): Agent => agents()[0]!
  return {
    hear: async ({ topic, group }: Extract<TopicOrder, { order: 'hear' }>) => {
      await Promise.all(agents().map(agent => ear.listen(agent, topic, group)))
    },
    'heard-by': async ({ topic, subscriptions }: Extract<TopicOrder, { order: 'heard-by' }>) => {
      const acks = { acks: subscriptions, timeout: 1_000 }
      while ((await first().publish(topic, 'heard-by', acks)).acks < subscriptions);
    },
    publish: (order: Extract<TopicOrder, { order: 'publish' }>) => publishAtRate(first(), order),
    report: () => Promise.resolve(ear.report()),
    retain: async ({ topic }: Extract<TopicOrder, { order: 'retain' }>) => {
      await first().publish(topic, 'kept', { retain: true })
    },
    retained: async ({ topic }: Extract<TopicOrder, { order: 'retained' }>) => {
      const startedAt = performance.now()
      for await (const { value } of await first().subscribe(topic)) if (value === 'kept') break
      return performance.now() - startedAt
    },
  }
}
