import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { duplexPair, type Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { MeshError, pipeAnswerSchema, pipeLimits } from '@agent-mesh/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ExposedPorts, type PipeHandler } from './exposed-ports.ts'
import { readMessage, writeMessage } from './handshake.ts'
import { openPipe } from './open-pipe.ts'
import { PipeServer } from './pipe-server.ts'

const caller = { sub: 'p', name: 'caller', roles: ['agent'], tags: ['ops'] }
const link = {}
const noTicket = () => {
  throw new MeshError('not_found', 'Cannot fetch the body: it is not lent')
}

function server(take: PipeHandler = pipe => void pipe.pipe(pipe), allowed = true) {
  const ports = new ExposedPorts()
  ports.add({ name: 'echo', to: take })
  const authorize = () => {
    if (!allowed) throw new MeshError('permission_denied', 'Cannot connect port:echo: not granted')
  }
  return new PipeServer({ ports, authorize, take: noTicket })
}

/** Opens a pipe to a server. @returns the caller's end */
function opened(to: PipeServer): Duplex {
  const [mine, theirs] = duplexPair()
  mine.on('error', () => {})
  to.serve(theirs, caller, link)
  return mine
}

const signal = AbortSignal.timeout(20_000)
const ask = (pipe: Duplex, port = 'echo') =>
  openPipe(pipe, { request: { to: `port:${port}` }, action: `connect to port ${port} of owner`, signal })
const answerOf = (pipe: Duplex) =>
  readMessage(pipe, { schema: pipeAnswerSchema, maxBytes: pipeLimits.messageBytes, signal })

const frame = (body: Uint8Array, length = body.length): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length)
  return Buffer.concat([head, body])
}

describe('a pipe server', () => {
  it('hands on the bytes that came with the request', async () => {
    const pipe = opened(server())
    writeMessage(pipe, { to: 'port:echo', of: 'a later version' })
    pipe.end('early')
    expect(await answerOf(pipe)).toEqual({ ok: true })
    expect((await buffer(pipe)).toString()).toBe('early')
  })

  it.each([
    ['a length above the limit', frame(Buffer.from('{}'), 0xffff_ffff), 'too_large'],
    ['no JSON', frame(Buffer.from('{to')), 'protocol_error'],
    ['another kind of target', frame(Buffer.from('{"to":"service:host.info"}')), 'protocol_error'],
    ['a name with a path in it', frame(Buffer.from('{"to":"port:../ssh"}')), 'protocol_error'],
    ['a port that is not there', frame(Buffer.from('{"to":"port:none"}')), 'not_found'],
  ])('answers %s with an error', async (_, bytes, code) => {
    const at = server()
    const pipe = opened(at)
    pipe.write(bytes)
    expect(await answerOf(pipe)).toMatchObject({ error: { code } })
    pipe.destroy()
    await expect.poll(() => at.size).toBe(0)
  })

  it('reads a request however it is cut, and anything else without a throw', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 }),
        async pieces => {
          const at = server()
          const pipe = opened(at)
          for (const piece of pieces) pipe.write(piece)
          pipe.end()
          await buffer(pipe).catch(() => {})
          pipe.destroy()
          await expect.poll(() => at.size).toBe(0)
        },
      ),
      { numRuns: 50 },
    )
    const pipe = opened(server())
    for (const byte of frame(Buffer.from('{"to":"port:echo"}'))) pipe.write(Buffer.of(byte))
    expect(await answerOf(pipe)).toEqual({ ok: true })
  })

  it('tells why not: the policy, or too many pipes of one link', async () => {
    await expect(ask(opened(server(undefined, false)))).rejects.toMatchObject({
      code: 'permission_denied',
      told: true,
    })
    const busy = server(pipe => void pipe.resume())
    const all = Array.from({ length: pipeLimits.perLink }, () => opened(busy))
    await Promise.all(all.map(pipe => ask(pipe)))
    await expect(ask(opened(busy))).rejects.toMatchObject({ code: 'overloaded', notStarted: true })
  })

  it.each<[string, PipeHandler]>([
    [
      'throws',
      () => {
        throw new Error('handler failed')
      },
    ],
    ['rejects', () => Promise.reject(new Error('handler failed'))],
  ])('resets the pipe of a handler that %s: an error would be taken for its bytes', async (_, take) => {
    const open = await ask(opened(server(take)))
    const rest = buffer(open).then(
      bytes => bytes.length,
      () => 'reset',
    )
    expect([0, 'reset']).toContain(await rest)
  })

  it('closes what it opened for a pipe that is gone by then', async () => {
    const service = createServer().listen(0, '127.0.0.1')
    await once(service, 'listening')
    const accepted = once(service, 'connection') as Promise<[Socket]>
    const ports = new ExposedPorts()
    ports.add({ name: 'tcp', to: { port: (service.address() as AddressInfo).port } })
    const [mine, theirs] = duplexPair()
    const at = new PipeServer({ ports, authorize: () => void theirs.destroy(), take: noTicket })
    at.serve(theirs, caller, link)
    writeMessage(mine, { to: 'port:tcp' })
    const [socket] = await accepted
    socket.on('error', () => {}).resume()
    await expect.poll(() => socket.destroyed).toBe(true)
    service.close()
  })

  it('lets open pipes end when it drains, refuses new ones, and resets what is left', async () => {
    const at = server(pipe => void pipe.resume())
    const [ends, stays] = [await ask(opened(at)), await ask(opened(at))]
    const drained = at.drain(50)
    await expect(ask(opened(at))).rejects.toMatchObject({ code: 'going_away' })
    ends.destroy()
    const gone = once(stays, 'close')
    await drained
    await gone
    expect(at.size).toBe(0)
  })
})

it('a caller gets an error for an answer that is none, and for a peer that says nothing', async () => {
  const [mine, theirs] = duplexPair()
  theirs.on('error', () => {})
  writeMessage(theirs, { yes: true })
  await expect(ask(mine)).rejects.toMatchObject({ code: 'protocol_error' })
  const [silent] = duplexPair()
  const soon = AbortSignal.timeout(20)
  const asked = openPipe(silent, { request: { to: 'port:echo' }, action: 'connect to echo', signal: soon })
  await expect(asked).rejects.toMatchObject({ code: 'deadline_exceeded' })
})
