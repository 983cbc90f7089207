import { createHash, randomBytes } from 'node:crypto'
import { duplexPair, type Duplex } from 'node:stream'
import { MeshError, type BodyReference } from '@agent-mesh/protocol'
import { encodeBody, messageBody } from '@agent-mesh/protocol/wire/index'
import { afterEach, describe, expect, it } from 'vitest'
import { TimerWheel } from '../../core/timer-wheel.ts'
import type { OnRequest } from '../calls/inbound-calls.ts'
import { ExposedPorts } from '../pipes/exposed-ports.ts'
import { PipeServer } from '../pipes/pipe-server.ts'
import type { RpcLink } from '../rpc-link.ts'
import { socketStream } from '../socket-stream.ts'
import { rpcLink } from '../stream-link.ts'
import { socketPair } from '../testing/link-pair.ts'
import { BodyExchange } from './body-exchange.ts'

const MiB = 1024 * 1024
const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** One end of a link: what it lends and fetches, and how many pipes the other opened to it. */
interface End {
  rpc: RpcLink
  exchange: BodyExchange
  opened: number
}

const subject = (sub: string) => ({ sub, name: sub, roles: [], tags: [] })

/** A caller and a callee over sockets, whose pipes are pairs of streams. */
async function ends(onRequest: OnRequest, heldBytes?: number): Promise<[caller: End, callee: End]> {
  const sockets = await socketPair()
  const wheel = new TimerWheel()
  const made = sockets.map(() => ({ exchange: new BodyExchange(heldBytes), opened: 0 }) as End)
  const [caller, callee] = made as [End, End]
  for (const [i, end] of made.entries()) {
    const other = made[1 - i] as End
    const open = () => Promise.resolve(pipeTo(other, subject(`p${i}`)))
    const bodies = end.exchange.carrier(`p${1 - i}`, open)
    end.rpc = rpcLink({ stream: socketStream(sockets[i]!), wheel, bodies, onRequest })
  }
  stops.push(
    () => caller.rpc.close(),
    () => callee.rpc.close(),
    () => wheel.stop(),
  )
  return [caller, callee]
}

function pipeTo(end: End, caller: ReturnType<typeof subject>): Duplex {
  end.opened++
  const server = new PipeServer({
    ports: new ExposedPorts(),
    authorize: () => undefined,
    take: ({ to }, from) => end.exchange.take(to.slice('body:'.length), from),
  })
  const [own, served] = duplexPair()
  server.serve(served, caller, end)
  return own
}

/** As a dispatcher: brings the params, then answers with them. */
const mirror: OnRequest = async call => {
  await call.load(64 * MiB)
  return call.params()
}

describe('a body over the limit of a frame', () => {
  it('arrives whole, both ways, and counts as held only while it is on its way', async () => {
    const [caller, callee] = await ends(mirror)
    const given = randomBytes(3 * MiB)
    const back = (await caller.rpc.call('a.b', given)) as Buffer
    expect(Buffer.compare(back, given)).toBe(0)
    expect([caller.opened, callee.opened]).toEqual([1, 1])
    await expect.poll(() => caller.exchange.heldBytes + callee.exchange.heldBytes).toBe(0)
  })

  it('is not read when the call is refused', async () => {
    const [caller] = await ends(() => {
      throw new MeshError('permission_denied', 'Cannot call a.b: not granted')
    })
    await expect(caller.rpc.call('a.b', randomBytes(2 * MiB))).rejects.toMatchObject({
      code: 'permission_denied',
    })
    expect(caller.opened).toBe(0)
    await expect.poll(() => caller.exchange.heldBytes).toBe(0)
  })

  it('is refused as too large where it is over the limit of the method, and no byte of it is read', async () => {
    const [caller] = await ends(call => call.load(2 * MiB))
    await expect(caller.rpc.call('a.b', randomBytes(2 * MiB + 1))).rejects.toMatchObject({
      code: 'too_large',
    })
    expect(caller.opened).toBe(0)
    const [asker, maker] = await ends(() => new Uint8Array(3 * MiB))
    const asked = asker.rpc.call('a.b', 1, { mostBytes: 2 * MiB })
    await expect(asked).rejects.toMatchObject({ code: 'too_large', notStarted: false })
    expect(maker.opened).toBe(0)
    await expect.poll(() => maker.exchange.heldBytes).toBe(0)
  })

  it('is refused as overloaded while others fill the memory for bodies, and results wait for room', async () => {
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    const [caller, callee] = await ends(async call => {
      await call.load(64 * MiB)
      if (call.method === 'a.hold') await held
      return new Uint8Array(2 * MiB)
    }, 2 * MiB)
    const first = caller.rpc.call('a.hold', randomBytes(2 * MiB))
    await expect.poll(() => callee.exchange.heldBytes).toBe(2 * MiB)
    await expect.poll(() => caller.exchange.heldBytes).toBe(0)
    await expect(caller.rpc.call('a.b', randomBytes(2 * MiB))).rejects.toMatchObject({
      code: 'overloaded',
      notStarted: true,
    })
    const waits = caller.rpc.call('a.make', 1)
    letGo()
    expect(((await first) as Buffer).length).toBe(2 * MiB)
    expect(((await waits) as Buffer).length).toBe(2 * MiB)
  })

  it('is given up at both ends when the caller cancels, and when the time is over', async () => {
    const [caller, callee] = await ends(() => new Promise<never>(() => undefined))
    const stop = new AbortController()
    const asked = caller.rpc.call('a.b', randomBytes(2 * MiB), { signal: stop.signal })
    await expect.poll(() => callee.rpc.stats.inbound).toBe(1)
    stop.abort()
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' })
    const late = caller.rpc.call('a.b', randomBytes(2 * MiB), { timeoutMs: 100 })
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' })
    await expect.poll(() => caller.exchange.heldBytes).toBe(0)
  })

  it('gets the error of frames where one end carries none', async () => {
    const sockets = await socketPair()
    const wheel = new TimerWheel()
    const links = sockets.map((socket, i) => {
      const open = () => Promise.reject(new Error('no pipe is opened'))
      const bodies = i === 0 ? new BodyExchange().carrier('p1', open) : undefined
      const onRequest: OnRequest = () => new Uint8Array(2 * MiB)
      return rpcLink({ stream: socketStream(socket), wheel, bodies, onRequest })
    })
    stops.push(() => wheel.stop(), ...links.map(link => () => link.close()))
    const refused = { code: 'too_large' }
    for (const link of links) {
      await expect(link.call('a.b', randomBytes(2 * MiB))).rejects.toMatchObject(refused)
      await expect(link.call('a.b', 1)).rejects.toMatchObject(refused)
    }
  })
})

describe('an exchange of bodies', () => {
  const { signal } = new AbortController()

  /** A body as it was lent to p1. */
  async function lent(exchange: BodyExchange): Promise<BodyReference> {
    const { promise, resolve } = Promise.withResolvers<BodyReference>()
    const body = encodeBody(randomBytes(2 * MiB), 'value')
    const named = ({ json }: { json: string | undefined }) => resolve(JSON.parse(json ?? '') as BodyReference)
    exchange
      .carrier('p1', () => Promise.reject(new Error('unused')))
      .lend(body, { signal, named })
      .catch(() => undefined)
    return promise
  }

  it('gives a body to the member that it was lent to, once', async () => {
    const exchange = new BodyExchange()
    const { ticket } = await lent(exchange)
    expect(() => exchange.take(ticket, subject('p2'))).toThrow(expect.objectContaining({ code: 'not_found' }))
    expect(exchange.take(ticket, subject('p1'))).toBeTypeOf('function')
    expect(() => exchange.take(ticket, subject('p1'))).toThrow(expect.objectContaining({ code: 'not_found' }))
  })

  const sent = Buffer.alloc(100, 7)
  const right = {
    ticket: 'a'.repeat(22),
    bytes: 100,
    json: 0,
    tail: true,
    sha256: createHash('sha256').update(sent).digest('hex'),
  }
  it.each([
    ['another hash', { ...right, sha256: 'b'.repeat(64) }],
    ['fewer bytes than were sent', { ...right, bytes: 99 }],
    ['more bytes than were sent', { ...right, bytes: 101 }],
    ['JSON beyond its end', { ...right, json: 101 }],
    ['no ticket', { ...right, ticket: '../etc' }],
    ['a size below 0', { ...right, bytes: -1 }],
    ['nothing', null],
  ])('refuses a reference with %s', async (_, reference) => {
    const exchange = new BodyExchange()
    const carrier = exchange.carrier('p1', () => {
      const [own, served] = duplexPair()
      const server = new PipeServer({
        ports: new ExposedPorts(),
        authorize: () => undefined,
        take: () => pipe => void pipe.resume().end(sent),
      })
      server.serve(served, subject('p1'), {})
      return Promise.resolve(own)
    })
    const named = messageBody(Buffer.from(JSON.stringify(reference)), false)
    await expect(carrier.fetch(named, { mostBytes: MiB, signal, waits: false })).rejects.toMatchObject({
      code: 'protocol_error',
    })
    expect(exchange.heldBytes).toBe(0)
  })
})
