import { once } from 'node:events'
import { createServer, request, type Agent, type IncomingMessage, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { duplexPair, type Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { join } from '@agent-mesh/agent/rpc/pipes/join'

import { KeptPipes } from './kept-pipes.ts'

let program: Server
/** At the program. */
let connections: Socket[]
let kept: KeptPipes
beforeEach(async () => {
  connections = []
  program = createServer(({ url, socket }, reply) => {
    if (url === '/last') reply.setHeader('connection', 'close')
    reply.end('done', () => url === '/more' && socket.write('HTTP/1.1 200 OK\r\n\r\n'))
  })
  program.on('connection', socket => connections.push(socket))
  program.listen(0, '127.0.0.1')
  await once(program, 'listening')
  kept = new KeptPipes()
})
afterEach(() => {
  kept.stop()
  program.closeAllConnections()
  program.close()
})

/** No socket, as pipes of the mesh are none. */
function piped(): Duplex {
  const [near, far] = duplexPair()
  join(far, connect((program.address() as AddressInfo).port, '127.0.0.1'))
  return near
}

async function ask(agent: Agent | undefined, path = '/'): Promise<string> {
  if (agent === undefined) throw new Error('No pipe waits')
  const sent = request({ agent, path }).end()
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  return Buffer.concat(await reply.toArray()).toString()
}

/** When it waits, or waits no more. */
async function waiting(browser: string): Promise<Agent> {
  return vi.waitFor(() => {
    const agent = kept.take(browser)
    if (agent === undefined) throw new Error('No pipe waits')
    return agent
  }, 20_000)
}

it('requests of one browser follow each other on one pipe; another browser does not have it', async () => {
  const agent = kept.over(piped(), 'mine')
  expect(kept.take('mine')).toBeUndefined()
  for (let i = 0; i < 5; i++) {
    expect(await ask(i === 0 ? agent : await waiting('mine'))).toBe('done')
    expect(kept.take('other')).toBeUndefined()
  }
  expect(connections).toHaveLength(1)
})

it('one that is in use is not given to a second request', async () => {
  await ask(kept.over(piped(), 'mine'))
  await waiting('mine')
  expect(kept.take('mine')).toBeUndefined()
})

it('a pipe ends when no request comes, and when its time is over', async () => {
  kept = new KeptPipes({ waitMs: 1 })
  await ask(kept.over(piped(), 'mine'))
  await vi.waitFor(() => expect(connections[0]?.destroyed).toBe(true), 20_000)
  expect(kept.take('mine')).toBeUndefined()

  kept = new KeptPipes({ waitMs: 60_000, useMs: 0 })
  await ask(kept.over(piped(), 'mine'))
  await vi.waitFor(() => expect(connections[1]?.destroyed).toBe(true), 20_000)
  expect(kept.take('mine')).toBeUndefined()
})

it.each([
  ['ends it with its reply', '/last'],
  ['says more than it was asked for', '/more'],
])('a pipe waits no more when its program %s', async (_, path) => {
  kept = new KeptPipes({ waitMs: 60_000 })
  const pipe = piped()
  await ask(kept.over(pipe, 'mine'), path)
  await vi.waitFor(() => expect(pipe.destroyed).toBe(true), 20_000)
  expect(kept.take('mine')).toBeUndefined()
})

it('a pipe waits no more when its program closes it, or the gateway stops', async () => {
  kept = new KeptPipes({ waitMs: 60_000 })
  const pipe = piped()
  await ask(kept.over(pipe, 'mine'))
  connections[0]!.end()
  await vi.waitFor(() => expect(pipe.destroyed).toBe(true), 20_000)
  expect(kept.take('mine')).toBeUndefined()

  const last = piped()
  await ask(kept.over(last, 'mine'))
  kept.stop()
  await vi.waitFor(() => expect(last.destroyed).toBe(true), 20_000)
})
