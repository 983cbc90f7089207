/**
 * One end of streams in a process of its own, which does what the test that forks it asks for: `stream-process.ts serve` listens on a port of
 * loopback and serves bytes; `stream-process.ts read PORT` opens a stream of them.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import {
  defineService,
  Dispatcher,
  rpcLink,
  ServiceRegistry,
  socketStream,
  TimerWheel,
  type LinkStream,
  type RpcLink,
} from '@agent-mesh/agent'
import * as z from 'zod'

import { msOf } from './quickest.ts'

const bulk = defineService({
  name: 'bulk',
  version: 1,
  methods: {
    bytes: { params: z.object({ mib: z.number() }), yields: z.instanceof(Uint8Array), result: z.number() },
    echo: { params: z.string(), result: z.string() },
  },
})

const chunkBytes = 64 * 1024
const wheel = new TimerWheel()

const tell = (message: object): void => void process.send?.(message)

async function serve(): Promise<void> {
  const registry = new ServiceRegistry()
  registry.serve(bulk, {
    async *bytes({ mib }) {
      const chunks = (mib * 1024 * 1024) / chunkBytes
      for (let n = 0; n < chunks; n++) yield Buffer.alloc(chunkBytes, n % 251)
      return chunks
    },
    echo: text => text,
  })
  const dispatcher = new Dispatcher({ registry, authorize: () => undefined, now: () => wheel.now() })
  const caller = { sub: 'reader', name: 'reader', roles: ['agent'], tags: [] }
  const server = createServer(socket => {
    socket.setNoDelay(true)
    rpcLink({ stream: socketStream(socket), wheel, onRequest: dispatcher.handlerFor(caller) })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  tell({ port: (server.address() as AddressInfo).port })
}

/** @returns bytes read, at most `most` */
async function read({ messages }: LinkStream, most: number): Promise<number> {
  let bytes = 0
  while (bytes < most) {
    const { done, value } = await messages.next()
    if (done === true) return bytes
    bytes += (value as Uint8Array).byteLength
  }
  return bytes
}

/** @returns ms of the median of calls beside a stream that is read as fast as it comes */
async function callsBeside(link: RpcLink, calls: number): Promise<number> {
  const stream = await link.stream('bulk.bytes', { mib: 100_000 })
  const reading = read(stream, Infinity).catch(() => 0)
  const times: number[] = []
  for (let n = 0; n < calls; n++) {
    times.push(await msOf(() => link.call('bulk.echo', 'x'.repeat(100))))
  }
  stream.cancel()
  await reading
  return times.sort((a, b) => a - b)[calls / 2] ?? Infinity
}

async function reader(port: number): Promise<void> {
  const socket: Socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.setNoDelay(true)
  const link = rpcLink({ stream: socketStream(socket), wheel, onRequest: () => undefined })
  let stream: LinkStream | undefined
  process.on('message', ({ act, mib = 0, calls = 0 }: { act: string; mib?: number; calls?: number }) => {
    if (act === 'rss') return
    void (async () => {
      if (act === 'open') stream = await link.stream('bulk.bytes', { mib })
      if (act === 'calls') return tell({ p50: await callsBeside(link, calls) })
      tell({ read: stream === undefined || act === 'open' ? 0 : await read(stream, mib * 1024 * 1024) })
    })()
  })
  tell({ ready: true })
}

process.on('message', ({ act }: { act: string }) => {
  if (act === 'rss') tell({ rss: process.memoryUsage.rss() })
})
process.on('disconnect', () => process.exit())

const [role, port] = process.argv.slice(2)
await (role === 'serve' ? serve() : reader(Number(port)))
