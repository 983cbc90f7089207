import { MeshError } from '@agent-mesh/protocol/errors'
import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair, type Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { openLocalPipe } from './local-pipe.ts'

let folder = ''
let server: LocalServer
let ends: Duplex[] = []
let opening: AbortSignal | undefined
const daemon: Pick<LocalDaemon, 'connect'> = {
  connect: ({ peer, port }, { signal }) => {
    if (port === 'denied')
      throw new MeshError('permission_denied', `Cannot connect to ${peer}`, { hint: 'Ask.' })
    opening = signal
    if (port === 'slow') return new Promise(() => undefined)
    const [own, other] = duplexPair()
    ends.push(other)
    return Promise.resolve(own)
  },
}
const never = new AbortController().signal

beforeEach(async () => {
  ends = []
  folder = await mkdtemp(join(tmpdir(), 'pipes-'))
  server = await serveLocal(folder, daemon as LocalDaemon)
})
afterEach(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function open(port: string, signal = never): Promise<Duplex> {
  const pipe = await openLocalPipe(folder, { peer: 'web-1', port }, signal)
  // Some are open when the process stops.
  return pipe.on('error', () => {})
}

describe('a pipe on the local socket', () => {
  it('carries bytes both ways, and the end of each direction alone', async () => {
    const pipe = await open('ssh')
    pipe.end('from here')
    expect(await text(ends[0]!)).toBe('from here')
    ends[0]!.end('from there')
    expect(await text(pipe)).toBe('from there')
  })

  it('holds the sender back while nobody reads, and loses nothing', async () => {
    const pipe = await open('ssh')
    const piece = Buffer.alloc(100_000, 'x')
    let sent = 0
    const filling = (async () => {
      while (sent < 200) {
        sent++
        if (!pipe.write(piece)) await once(pipe, 'drain')
      }
      pipe.end()
    })()
    await vi.waitFor(() => expect(pipe.writableNeedDrain).toBe(true), 20_000)
    expect(sent).toBeLessThan(100)
    const [all] = await Promise.all([text(ends[0]!), filling])
    expect(all).toHaveLength(200 * piece.length)
  })

  it('is refused with the error of the member', async () => {
    await expect(open('denied')).rejects.toMatchObject({ code: 'permission_denied', hint: 'Ask.' })
    await expect(openLocalPipe(folder, { peer: '', port: 'x' }, never)).rejects.toMatchObject({
      code: 'invalid_argument',
    })
  })

  it('that is reset fails, and does not look complete', async () => {
    const pipe = await open('ssh')
    ends[0]!.write('some')
    ends[0]!.on('error', () => {}).destroy(new Error('reset'))
    await expect(text(pipe)).rejects.toMatchObject({ code: 'path_lost' })
  })

  it('whose client gives up is not opened any further', async () => {
    const waiting = new AbortController()
    const refused = expect(open('slow', waiting.signal)).rejects.toMatchObject({ code: 'cancelled' })
    await vi.waitFor(() => expect(opening).toBeDefined(), 20_000)
    waiting.abort()
    await refused
    await vi.waitFor(() => expect(opening?.aborted).toBe(true), 20_000)
  })

  it('ends with its process', async () => {
    const pipe = await open('ssh')
    const ended = expect(text(pipe)).rejects.toMatchObject({ code: 'path_lost' })
    await server.stop()
    await ended
  })
})

it.each([
  'GET /v1/connect HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET /v1/peers HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: agent-mesh-pipe\r\n\r\n',
  'GET // HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: agent-mesh-pipe\r\n\r\n',
  'GET /v1/connect?peer=a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: agent-mesh-pipe\r\n\r\n',
])('refuses %j with problem details', async asked => {
  const socket = connect(join(folder, 'agent.sock'))
  socket.write(asked)
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 40[04] .*\r\n[^]*application\/problem\+json[^]*"code":/)
})
