/**
 * A member's serving side as a process of its own, on a plain socket: turn queue, limiter, dispatcher. It sends its port by IPC; any message
 * is answered with what ran since the last one.
 */
import {
  defineService,
  Dispatcher,
  MethodLimiter,
  rpcLink,
  ServiceRegistry,
  socketStream,
  systemWheelClock,
  TimerWheel,
  TurnQueue,
} from '@agent-mesh/agent'
import { createServer, type AddressInfo } from 'node:net'
import * as z from 'zod'

export interface CalleeStats {
  /** Handlers begun. */
  ran: number
  /** Of these, for callers whose deadline had passed. */
  ranForNobody: number
}

const slots = 10
const now = () => systemWheelClock.now()

class Pool {
  #free = slots
  readonly #waiting: (() => void)[] = []

  async hold(ms: number): Promise<void> {
    if (this.#free === 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#free--
    await new Promise(resolve => setTimeout(resolve, ms))
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}

function compute(ms: number): void {
  const end = now() + ms
  while (now() < end);
}

const stats: CalleeStats = { ran: 0, ranForNobody: 0 }
const pool = new Pool()
/** Params: when the caller gives up, unix ms. */
const method = { params: z.number(), result: z.any() }
const work = defineService({ name: 'work', version: 1, methods: { cpu: method, pool: method } })
const begin = (until: number): void => {
  stats.ran++
  if (performance.timeOrigin + performance.now() > until) stats.ranForNobody++
}

const registry = new ServiceRegistry()
registry.serve(work, {
  cpu: until => {
    begin(until)
    compute(5)
  },
  pool: until => {
    begin(until)
    return pool.hold(50)
  },
})
const dispatcher = new Dispatcher({ registry, authorize: () => {}, limiter: new MethodLimiter({ now }), now })
const wheel = new TimerWheel(systemWheelClock)
const turns = new TurnQueue(wheel)
const caller = { sub: 'caller', name: 'caller', roles: [], tags: [] }
const server = createServer({ noDelay: true }, socket => {
  socket.on('error', () => undefined)
  rpcLink({
    stream: socketStream(socket),
    wheel,
    turns,
    onRequest: dispatcher.handlerFor({ ...caller } as never),
  })
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('message', () => {
  process.send?.({ ...stats })
  Object.assign(stats, { ran: 0, ranForNobody: 0 })
})
process.on('disconnect', () => process.exit())
