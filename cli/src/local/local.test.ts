import { socketPath } from '@agent-mesh/agent/gateway/local-address'
import { connectLocal, NoProcessError } from '@agent-mesh/agent/gateway/local-socket'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalStatus } from '@agent-mesh/protocol/local-api'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { exitCodeOf } from '../exit-codes.ts'
import { localClient } from './local-client.ts'
import type { LocalDaemon } from './local-daemon.ts'
import { serveLocal, type LocalServer } from './local-server.ts'

const status: LocalStatus = {
  kind: 'agent',
  version: '0.1.0',
  pid: 1,
  startedAt: 0,
  meshId: 'm',
  ready: true,
  warnings: [],
  relays: [],
  addrs: [],
  services: [],
  members: { known: 0, online: 0 },
  links: { direct: 0, webrtc: 0, relay: 0 },
}

interface Hanging {
  entered: PromiseWithResolvers<void>
  cancelled: PromiseWithResolvers<void>
}

/** Answers `test.echo` with its params, never answers `test.hang`, fails `test.denied` and `test.defect`. */
function daemonOf(hanging: Hanging): LocalDaemon {
  return {
    status: () => status,
    peers: () => [],
    services: () => [],
    call: async ({ method, params }, { signal }) => {
      if (method === 'test.denied')
        throw new MeshError('permission_denied', 'Cannot call: denied', { hint: 'Ask.', details: { a: 1 } })
      if (method === 'test.defect') throw new Error('secret of the inside')
      if (method === 'test.hang') {
        hanging.entered.resolve()
        await once(signal, 'abort')
        hanging.cancelled.resolve()
      }
      return { value: params, peerId: 'p', ms: 1 }
    },
    callAll: () => Promise.resolve({ results: [] }),
    ping: ({ peer }) => Promise.resolve({ peerId: peer, path: 'direct', rttMs: 1 }),
    path: ({ peer }) => Promise.resolve({ from: 'p', to: peer, links: [], tried: [] }),
  }
}

let folder = ''
let server: LocalServer
let hanging: Hanging

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-'))
  hanging = { entered: Promise.withResolvers(), cancelled: Promise.withResolvers() }
  server = await serveLocal(folder, daemonOf(hanging))
})
afterEach(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

async function raw(method: string, path: string, body: string): Promise<{ status: number; text: string }> {
  const sent = request({ socketPath: socketPath(folder), method, path, agent: false })
  sent.end(body)
  const replied = once(sent, 'response')
  // A refused body is not read to its end.
  sent.on('error', () => undefined)
  const [reply] = (await replied) as [IncomingMessage]
  let text = ''
  for await (const chunk of reply) text += String(chunk)
  return { status: reply.statusCode ?? 0, text }
}

describe('the local socket', () => {
  it('refuses numbers that would become others', async () => {
    const body = '{"method":"test.echo","params":{"n":12345678901234567890}}'
    const sent = request({ socketPath: socketPath(folder), method: 'POST', path: '/v1/call' })
    sent.end(body)
    const [reply] = (await once(sent, 'response')) as [IncomingMessage]
    const text = (await reply.toArray()).join('')
    expect([reply.statusCode, text]).toEqual([400, expect.stringContaining('request.params.n is 1234567890')])
  })

  it.each([2 ** 31, 2 ** 32, 400 * 86_400_000])('waits for a call of up to %d ms', async timeoutMs => {
    const call = localClient(folder).call({ method: 'test.echo', params: 1, timeoutMs })
    expect(await call).toMatchObject({ value: 1 })
  })

  it('can be opened by its owner alone', async () => {
    expect((await stat(socketPath(folder))).mode & 0o777).toBe(0o600)
  })

  it('answers status and carries a call and its result', async () => {
    const client = localClient(folder)
    expect(await client.status()).toEqual(status)
    expect(await client.call({ method: 'test.echo', params: { a: [1] } })).toMatchObject({
      value: { a: [1] },
    })
    expect(await client.ping({ peer: 'web-1' })).toMatchObject({ peerId: 'web-1' })
  })

  it('hands on an error with its code, hint and details', async () => {
    await expect(localClient(folder).call({ method: 'test.denied' })).rejects.toMatchObject({
      code: 'permission_denied',
      message: 'Cannot call: denied',
      hint: 'Ask.',
      details: { a: 1 },
    })
  })

  it('answers a defect without a stack', async () => {
    const { status, text } = await raw('POST', '/v1/call', '{"method":"test.defect"}')
    expect(status).toBe(500)
    expect(text).not.toContain('    at ')
  })

  it('cancels the call of a client that goes away', async () => {
    const gone = new AbortController()
    const call = localClient(folder, gone.signal).call({ method: 'test.hang' })
    call.catch(() => undefined)
    await hanging.entered.promise
    gone.abort()
    await expect(call).rejects.toMatchObject({ code: 'cancelled' })
    await hanging.cancelled.promise
  })

  it.each([
    ['nothing', '', 400],
    ['what is not JSON', '{', 400],
    ['an unknown field', '{"method":"a.b","x":1}', 400],
    ['a method without a service', '{"method":"b"}', 400],
    ['a timeout below 1 ms', '{"method":"a.b","timeoutMs":0}', 400],
    ['more than its limit', `{"method":"a.b","params":"${'x'.repeat(3 * 1024 * 1024)}"}`, 413],
  ])('refuses %s with a problem document', async (_, body, expected) => {
    const { status, text } = await raw('POST', '/v1/call', body)
    expect(status).toBe(expected)
    expect(JSON.parse(text)).toMatchObject({
      status: expected,
      detail: expect.stringMatching(/^Cannot /) as string,
    })
  })

  it('is not sent what it would refuse for its size', async () => {
    const params = 'x'.repeat(3 * 1024 * 1024)
    await expect(localClient(folder).call({ method: 'test.echo', params })).rejects.toMatchObject({
      code: 'too_large',
    })
  })

  it('knows no other routes', async () => {
    expect(await raw('GET', '/v1/secret', '')).toMatchObject({ status: 404 })
  })
})

describe('without a daemon', () => {
  it('the client says so, what to do, and exits with 3', async () => {
    await server.stop()
    const error: unknown = await localClient(folder)
      .status()
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'unavailable',
      hint: expect.stringContaining('agent-mesh up') as string,
    })
    expect(exitCodeOf(error as MeshError)).toBe(3)
  })

  it('a socket file that a crash left behind is replaced', async () => {
    await server.stop()
    await writeFile(socketPath(folder), '')
    server = await serveLocal(folder, daemonOf(hanging))
    expect(await localClient(folder).status()).toMatchObject({ kind: 'agent' })
  })

  it('on Windows it is a pipe, whose name is in a file of the owner while the process runs', async () => {
    await server.stop()
    // Elsewhere such a name is that of a file.
    const before = process.cwd()
    process.chdir(folder)
    try {
      server = await serveLocal(folder, daemonOf(hanging), 'win32')
      const name = await readFile(socketPath(folder), 'utf8')
      expect(name).toMatch(/^\\\\\.\\pipe\\agent-mesh-[0-9a-f]{32}$/)
      expect((await stat(socketPath(folder))).mode & 0o777).toBe(0o600)
      const sent = request({ createConnection: () => connect({ path: name }), path: '/v1/status' }).end()
      const [reply] = (await once(sent, 'response')) as [IncomingMessage]
      expect(JSON.parse((await reply.toArray()).join(''))).toEqual(status)
      await server.stop()
      expect(await readdir(folder)).toEqual([])
    } finally {
      process.chdir(before)
    }
  })

  it('on Windows it is refused to clients while no process has the lock of the folder', async () => {
    await server.stop()
    await writeFile(socketPath(folder), String.raw`\\.\pipe\agent-mesh-${'0'.repeat(32)}`)
    const sent = request({ createConnection: () => connectLocal(folder, 'win32'), path: '/v1/status' })
    const [error] = (await once(sent, 'error')) as [unknown]
    expect(error).toBeInstanceOf(NoProcessError)
  })
})
