/** A thread of the pool of scaling-mesh.ts: an agent that serves `primes`, with an event loop of its own. */
import { createAgent, createLogger, implementService } from '@agent-mesh/agent'
import { setImmediate as turn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { primes, primesFrom, type FromWorker, type ToWorker, type WorkerSettings } from './primes.ts'

const { name, data, token } = workerData as WorkerSettings
const agent = await createAgent({
  ...{ name, data, join: token, listen: ['/ip4/127.0.0.1/tcp/0'], ephemeral: true },
  log: createLogger(name, 'error'),
  // The signal is to follow within seconds.
  loadWindowMs: 3_000,
  // A queue is what the pool grows by; here calls wait in it instead of being refused.
  resilience: { shed: false },
})
const count = (from: number) => ({ from, count: primesFrom(from) })
agent.serve(implementService(primes, { count }, { concurrency: 1_000 }))

/** The same work without being called. The agent lives on meanwhile. */
async function alone(results: number): Promise<void> {
  for (let done = 0; done < results; done++) {
    primesFrom(10_000_000_000 + done)
    await turn()
  }
}

const tell = (message: FromWorker): void => parentPort!.postMessage(message)
parentPort!.on('message', (told: ToWorker) => {
  if (told !== 'stop') return void alone(told.alone).then(() => tell('computed'))
  void agent.stop().then(() => parentPort!.close())
})
tell('serving')
