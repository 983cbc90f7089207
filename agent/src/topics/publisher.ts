/** Numbers, gathers and signs what a member publishes: messages of one topic within some milliseconds share a signature. */
import {
  MeshError,
  readPublication,
  signPublication,
  topicLimits,
  type Signer,
  type TopicFrameOf,
} from '@agent-mesh/protocol'
import { sleep, type StartTimer } from '@agent-mesh/protocol/timers'
import { atMost } from '../core/at-most.ts'
import { topicDefaults } from './defaults.ts'
import type { ReadPublication } from './hub/retained-values.ts'

export interface Outgoing {
  readonly topic: string
  readonly version: number
  readonly body: Uint8Array
  readonly retain: boolean
  /** Acknowledgements that it waits for, a count. */
  readonly acks: number
  /** ms for these. */
  readonly timeout: number
  /** W3C traceparent. */
  readonly trace: string | null
}

interface Pending extends Outgoing {
  readonly done: PromiseWithResolvers<number>
}

interface Acks {
  readonly wanted: number
  count: number
  readonly enough: PromiseWithResolvers<void>
}

export interface PublisherInit {
  mesh: string
  signer: Signer
  /** Unix ms. */
  now: () => number
  startTimer: StartTimer
  /** Hands a publication to hubs; resolves when they may take more. @throws MeshError */
  deliver: (publication: ReadPublication, acks: boolean) => Promise<void>
}

export class Publisher {
  readonly #init: PublisherInit
  readonly epoch: number
  readonly #waiting: Pending[] = []
  readonly #acks = new Map<number, Acks>()
  readonly #stopping = new AbortController()
  #bytes = 0
  #seq = 1
  #running: Promise<void> | undefined

  constructor(init: PublisherInit) {
    this.#init = init
    this.epoch = init.now()
  }

  /** @returns acknowledgements @throws MeshError overloaded, and what handing over throws */
  async publish(outgoing: Outgoing): Promise<number> {
    const { topic, body } = outgoing
    const { waitingBytes, waitingMessages } = topicDefaults
    if (this.#waiting.length >= waitingMessages || this.#bytes + body.byteLength > waitingBytes)
      throw new MeshError(
        'overloaded',
        `Cannot publish to ${topic}: ${this.#waiting.length} messages wait to be sent`,
        { hint: 'Wait for each publish before the next.' },
      )
    const done = Promise.withResolvers<number>()
    this.#waiting.push({ ...outgoing, done })
    this.#bytes += body.byteLength
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
    return done.promise
  }

  /** Hubs say that subscriptions took messages. */
  confirmed({ epoch, counts }: Pick<TopicFrameOf<'confirm'>, 'epoch' | 'counts'>): void {
    if (epoch !== this.epoch) return
    for (const [seq, count] of counts) {
      const acks = this.#acks.get(seq)
      if (acks === undefined) continue
      acks.count += count
      if (acks.count >= acks.wanted) acks.enough.resolve()
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    for (const { enough } of this.#acks.values()) enough.resolve()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const { startTimer: start } = this.#init
    // What is published in the same tick goes together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batches = this.#nextBatches()
      await this.#send(batches)
      const isBusy = batches.some(({ length }) => length >= topicDefaults.busyMessages)
      const gatherMs = isBusy ? topicDefaults.busyGatherMs : topicDefaults.gatherMs
      if (!signal.aborted) await sleep(gatherMs, { signal, start }).catch(() => {})
    }
  }

  /** All that waits, in its order: publications of one topic, version and kind. A value that is kept has one of its own. */
  #nextBatches(): Pending[][] {
    const batches: Pending[][] = []
    const open = new Map<string, { batch: Pending[]; bytes: number }>()
    for (const pending of this.#waiting.splice(0)) {
      const { topic, version, retain, acks, body } = pending
      this.#bytes -= body.byteLength
      const kind = `${topic} ${version} ${String(retain)} ${String(acks > 0)}`
      const last = open.get(kind)
      const bytes = (last?.bytes ?? 0) + body.byteLength
      const fits = !retain && bytes <= topicLimits.publicationBytes
      if (last !== undefined && fits && last.batch.length < topicLimits.messages) {
        last.batch.push(pending)
        last.bytes = bytes
      } else {
        const batch = [pending]
        batches.push(batch)
        open.set(kind, { batch, bytes: body.byteLength })
      }
    }
    return batches
  }

  async #send(batches: readonly Pending[][]): Promise<void> {
    for (const batch of batches)
      try {
        if (this.#stopping.signal.aborted)
          throw new MeshError('going_away', 'Cannot publish: this agent stops')
        await this.#sendOne(batch)
      } catch (error) {
        for (const { done } of batch) done.reject(error as Error)
      }
  }

  async #sendOne(batch: readonly Pending[]): Promise<void> {
    const { mesh, signer, now, deliver } = this.#init
    const [{ topic, version, retain }] = batch as [Pending]
    const seq = this.#seq
    this.#seq += batch.length
    const traces = batch.map(({ trace }) => trace)
    const claims = {
      ...{ mesh, topic, version, epoch: this.epoch, seq, at: now() },
      ...(retain && { retain }),
      ...(traces.some(trace => trace !== null) && { traces }),
    }
    const signed = await signPublication(
      signer,
      claims,
      batch.map(({ body }) => body),
    )
    batch.forEach(({ acks }, place) => acks > 0 && this.#expect(acks, seq + place))
    try {
      await deliver(
        { ...signed, ...readPublication(signed) },
        batch.some(({ acks }) => acks > 0),
      )
    } catch (error) {
      batch.forEach((_, place) => this.#acks.delete(seq + place))
      throw error
    }
    batch.forEach(({ done, timeout }, place) => done.resolve(this.#confirmations(seq + place, timeout)))
  }

  /** Confirmations may come before the publication is handed to all hubs. */
  #expect(wanted: number, seq: number): void {
    this.#acks.set(seq, { wanted, count: 0, enough: Promise.withResolvers() })
  }

  /** How many have come when they are enough, or the time is over. */
  async #confirmations(seq: number, timeout: number): Promise<number> {
    const acks = this.#acks.get(seq)
    if (acks === undefined) return 0
    await atMost(timeout, acks.enough.promise, this.#init.startTimer)
    this.#acks.delete(seq)
    return acks.count
  }
}
