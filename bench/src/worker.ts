/** A process of a bench: `worker.ts MODULE`, which takes requests of its parent, one at a time. */
import type { CallName, Client, Contender } from './contenders/contender.ts'
import { aloneP50, throughput } from './load.ts'

/** What a parent can ask. */
export interface Requests {
  serve: { args: []; result: unknown }
  connect: { args: [address: unknown]; result: null }
  throughput: { args: [call: CallName, inFlight: number, ms: number]; result: { calls: number; ms: number } }
  alone: { args: [call: CallName, ms: number]; result: number }
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
    (error: unknown) => process.send?.({ error: String(error instanceof Error ? error.stack : error) }),
  )
})
// A worker whose parent has exited stops.
process.on('disconnect', () => process.exit())
process.send?.({ result: 'ready' })
