/** A process of a bench: `worker.ts MODULE`, which takes requests of its parent, one at a time. */
import { inspect } from 'node:util'
import type { CallName, Client, Contender } from './contenders/contender.ts'
import { aloneP50, median, throughput } from './load.ts'

/** What a parent can ask. */
export interface Requests {
  serve: { args: []; result: unknown }
  connect: { args: [address: unknown]; result: null }
  throughput: { args: [call: CallName, inFlight: number, ms: number]; result: { calls: number; ms: number } }
  alone: { args: [call: CallName, ms: number]; result: number }
  /** ms of a transfer. */
  transfer: { args: [bytes: number]; result: number }
  /** ms of the median small call while a transfer of so many bytes runs. */
  beside: { args: [bytes: number]; result: number }
  /** Microseconds of CPU since the process began. */
  cpu: { args: []; result: number }
  stop: { args: []; result: null }
}

const [, , modulePath = ''] = process.argv
const { contender } = (await import(modulePath)) as { contender: Contender }
let client: Client | undefined
let stop = async (): Promise<void> => {}

const callOf = (name: CallName): (() => Promise<unknown>) => {
  const call = client?.[name]
  if (call === undefined) throw new Error(`not connected, or without the call '${name}'`)
  return call
}

async function timedTransfer(bytes: number): Promise<number> {
  if (client?.transfer === undefined) throw new Error('not connected, or without transfers')
  const startedAt = performance.now()
  await client.transfer(bytes)
  return performance.now() - startedAt
}

type Answers = {
  [Name in keyof Requests]: (...args: Requests[Name]['args']) => Promise<Requests[Name]['result']>
}

const answers: Answers = {
  serve: async () => {
    const served = await contender.serve()
    stop = () => served.stop()
    return served.address
  },
  connect: async address => {
    const made = await contender.connect(address)
    client = made
    stop = () => made.stop()
    return null
  },
  throughput: (call, inFlight, ms) => throughput(callOf(call), inFlight, ms),
  alone: (call, ms) => aloneP50(callOf(call), ms),
  transfer: timedTransfer,
  beside: async bytes => {
    let over = false
    const transfer = timedTransfer(bytes).finally(() => (over = true))
    const times: number[] = []
    for (const call = callOf('echo'); !over;) {
      const startedAt = performance.now()
      await call()
      times.push(performance.now() - startedAt)
    }
    await transfer
    return median(times)
  },
  cpu: async () => {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  stop: async () => {
    await stop()
    return null
  },
}

process.on('message', ({ name, args }: { name: keyof Requests; args: never }) => {
  const answer = answers[name] as (...args: unknown[]) => Promise<unknown>
  answer(...(args as unknown[])).then(
    result => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: inspect(error) }),
  )
})
// A worker whose parent has exited stops.
process.on('disconnect', () => process.exit())
process.send?.({ result: 'ready' })
