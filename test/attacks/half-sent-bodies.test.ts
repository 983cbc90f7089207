/** Two thousand connections with half of a request each, at a control plane that is a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { limits, signRequest, type Signer } from '@agent-mesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { identityOf } from '../integration/control-plane-fixture.ts'
import { endChild } from '../support/command.ts'
import { testKey } from '../support/mesh-fixture.ts'

const entry = join(import.meta.dirname, '..', '..', 'lambdas', 'src', 'entry', 'local.ts')
const crowd = 2_000

/** The process collects its garbage when it is sent a message, and answers. */
const collecting = [
  '--expose-gc',
  '--import',
  "data:text/javascript,process.on('message', () => process.send(String(gc()))).channel.unref()",
]

let folder: string
let plane: ChildProcess
let url: string
let meshId: string
let admin: Signer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'half-sent-'))
  plane = spawn(process.execPath, [...collecting, entry, '--data', folder, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  for await (const line of createInterface({ input: plane.stderr! })) {
    const started = JSON.parse(line) as { msg: string; url: string; meshId: string }
    if (started.msg !== 'control plane started') continue
    ;({ url, meshId } = started)
    break
  }
  plane.stderr?.resume()
  admin = await identityOf(join(folder, 'admin-identity.json'))
})
afterAll(async () => {
  await endChild(plane)
  await rm(folder, { recursive: true, force: true })
})

async function collectGarbage(): Promise<void> {
  const collected = once(plane, 'message')
  plane.send('collect')
  await collected
}

/** Of the process of the control plane, MiB. */
async function memory(): Promise<number> {
  const status = await readFile(`/proc/${plane.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

const authorizationOf = (who: Signer, method: string, path: string) =>
  signRequest(who, { method, url: new URL(path, url), body: new Uint8Array() }, { meshId, now: Date.now() })

/** A member's request; how long it took, ms. */
async function asked(): Promise<number> {
  const began = performance.now()
  const authorization = await authorizationOf(admin, 'GET', '/v1/revocations')
  const { status } = await fetch(`${url}/v1/revocations`, { headers: { authorization } })
  expect(status).toBe(200)
  return performance.now() - began
}

/** The complete request of a new member. */
async function joined(): Promise<number> {
  const request = { method: 'POST', url: new URL('/v1/tokens', url) }
  const made = Buffer.from(JSON.stringify({ roles: ['agent'] }))
  const nonce = Buffer.alloc(16, 7).toString('base64url')
  const signed = await signRequest(admin, { ...request, body: made }, { meshId, now: Date.now(), nonce })
  const asked = await fetch(request.url, { method: 'POST', body: made, headers: { authorization: signed } })
  const { token } = (await asked.json()) as { token: string }
  const enrolling = { method: 'POST', url: new URL('/v1/enrol', url) }
  const secret = token.slice(token.lastIndexOf('.') + 1)
  const body = Buffer.from(JSON.stringify({ secret, name: 'newcomer' }))
  const { signer } = await testKey()
  const authorization = await signRequest(signer, { ...enrolling, body }, { meshId, now: Date.now() })
  return (await fetch(enrolling.url, { method: 'POST', body, headers: { authorization } })).status
}

/** What a stranger begins, with a key of its own, and how much of the body it sends. */
async function half(index: number): Promise<Buffer> {
  const { requestBytes, smallRequestBytes } = limits
  const begin = (line: string, headers: string, announced: number, sent: number): Buffer =>
    Buffer.concat([
      Buffer.from(`${line} HTTP/1.1\r\nhost: x\r\n${headers}content-length: ${announced}\r\n\r\n`),
      Buffer.alloc(sent, 0x20),
    ])
  if (index % 4 === 1) return begin('POST /v1/enrol', '', requestBytes, requestBytes / 4)
  if (index % 4 === 2)
    return begin('PUT /v1/policy', 'authorization: Mesh a.b.c\r\n', requestBytes, requestBytes / 4)
  const signed = await authorizationOf((await testKey()).signer, 'POST', '/v1/enrol')
  const headers = `authorization: ${signed}\r\n`
  return index % 4 === 3
    ? begin('POST /v1/renew', headers, requestBytes, requestBytes / 4)
    : begin('POST /v1/enrol', headers, smallRequestBytes, smallRequestBytes - 1)
}

describe.skipIf(process.platform !== 'linux')('half-sent bodies', () => {
  test('on 2,000 connections add less than 64 MiB, and members and newcomers are answered meanwhile', async () => {
    const { hostname, port } = new URL(url)
    const sockets: Socket[] = []
    const open = (count: number) =>
      Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const socket = connect(Number(port), hostname).on('error', () => {})
          sockets.push(socket.resume())
          await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {})
          socket.write(await half(index))
        }),
      )
    // Counts the memory of the connections, and not garbage of the start.
    for (let i = 0; i < 100; i++) await asked()
    await collectGarbage()
    const before = await memory()
    let most = before
    const waits: number[] = []
    const standingNow = () => sockets.filter(({ destroyed }) => !destroyed).length
    let standing = 0
    for (let opened = 0; opened < crowd; opened += 100) {
      await open(100)
      waits.push(await asked())
      standing = Math.max(standing, standingNow())
      most = Math.max(most, await memory())
    }
    for (let i = 0; i < 30; i++) {
      waits.push(await asked())
      most = Math.max(most, await memory())
    }
    const status = await joined()
    const gained = most - before
    console.log(
      `${crowd} half-sent bodies: ${gained.toFixed(0)} MiB more than ${before.toFixed(0)}, ${standing} stood at once`,
    )
    for (const socket of sockets) socket.destroy()
    expect(gained).toBeLessThan(64)
    // The control plane waits for strangers with a key of their own and a small body while no other needs the room.
    expect(standing).toBeGreaterThan(50)
    expect(status).toBe(200)
    expect(waits.sort((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(2_000)
  })
})
