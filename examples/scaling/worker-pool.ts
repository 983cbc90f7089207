/** Worker threads that serve `primes`, as many as there should be. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerSettings } from './primes.ts'

export interface Measured {
  /** ms of a core that all workers used. */
  readonly cpuMs: number
  readonly ms: number
  /** Share of the time in which a worker had work, 0 to 1: the mean. */
  readonly busy: number
}

export class WorkerPool {
  readonly #settings: (name: string) => Promise<WorkerSettings>
  readonly #workers: Worker[] = []
  #started = 0

  constructor(settings: (name: string) => Promise<WorkerSettings>) {
    this.#settings = settings
  }

  get size(): number {
    return this.#workers.length
  }

  /** Starts one more. @returns its name, when it serves */
  async grow(): Promise<string> {
    const workerData = await this.#settings(`worker-${++this.#started}`)
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData })
    await reply(worker)
    this.#workers.push(worker)
    return workerData.name
  }

  /** Stops the newest one: it answers what it has, then it leaves the mesh. */
  async shrink(): Promise<void> {
    const worker = this.#workers.pop()
    if (worker === undefined) return
    const exited = once(worker, 'exit')
    send(worker, 'stop')
    await exited
  }

  /** Each worker computes so many results without being called. */
  async alone(results: number): Promise<void> {
    await Promise.all(
      this.#workers.map(worker => {
        send(worker, { alone: results })
        return reply(worker)
      }),
    )
  }

  /** What the workers needed for something. */
  async measure(work: () => Promise<void>): Promise<Measured> {
    const workers = [...this.#workers]
    const startedAt = performance.now()
    const before = await Promise.all(workers.map(worker => worker.cpuUsage()))
    const loops = workers.map(({ performance: { eventLoopUtilization } }) => eventLoopUtilization())
    await work()
    const busy = workers.map(
      ({ performance: { eventLoopUtilization } }, place) => eventLoopUtilization(loops[place]).utilization,
    )
    const used = await Promise.all(workers.map((worker, place) => worker.cpuUsage(before[place])))
    return {
      cpuMs: sum(used.map(({ user, system }) => user + system)) / 1_000,
      ms: performance.now() - startedAt,
      busy: sum(busy) / busy.length,
    }
  }

  async stop(): Promise<void> {
    while (this.size > 0) await this.shrink()
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const send = (worker: Worker, message: ToWorker): void => worker.postMessage(message)

/** @throws what the worker threw */
async function reply(worker: Worker): Promise<FromWorker> {
  const [told] = (await once(worker, 'message')) as [FromWorker]
  return told
}
