/**
 * A large file between real processes, direct and relayed, while every link is cut in the middle. TRANSFER_MIB: its size;
 * `npm run test:transfer` takes 4 GiB: 8 GiB of disk, and some 8 minutes on two busy cores.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bundleProgram } from '../support/bundle-program.ts'
import { freePort } from '../support/free-port.ts'
import { LocalMesh } from '../support/local-mesh.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import type { Fetch, TransferReply, TransferStart } from '../support/transfer-process.ts'

const MiB = 1024 * 1024
const size = Number(process.env['TRANSFER_MIB'] ?? 256) * MiB
/** Each MiB may take 120 ms on a busy machine. */
const timeout = 200_000 + (size / MiB) * 120
const script = join(import.meta.dirname, '../support/transfer-process.ts')

let mesh: LocalMesh
let proxies: TcpProxy[]
let children: ChildProcess[]
beforeEach(async () => {
  mesh = await LocalMesh.start()
  proxies = []
  children = []
  // As programs run that count their memory: reading types takes 60 MiB.
  await bundleProgram(script, mesh.data('program'))
})
afterEach(async () => {
  for (const child of children) child.kill()
  for (const proxy of proxies) await proxy.stop()
  await mesh.stop()
})

interface Process {
  ask: (request: Fetch | 'rss') => Promise<TransferReply>
}

async function start(options: Omit<TransferStart, 'data' | 'join'>): Promise<Process> {
  const { role } = options
  const token = await mesh.token(role === 'relay' ? { roles: ['relay'] } : {})
  const child = fork(mesh.data('program/main.js'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  children.push(child)
  child.send({ ...options, data: mesh.data(role), join: token })
  await once(child, 'message')
  return {
    ask: async request => {
      const reply = once(child, 'message') as Promise<[TransferReply]>
      child.send(request)
      return (await reply)[0]
    },
  }
}

/** Where a process listens, and the proxy before it that it announces. */
async function behindProxy(): Promise<Pick<TransferStart, 'listen' | 'announce'>> {
  const port = await freePort()
  const proxy = await startTcpProxy(port, 256 * 1024)
  proxies.push(proxy)
  return { listen: [`/ip4/127.0.0.1/tcp/${port}`], announce: [`/ip4/127.0.0.1/tcp/${proxy.port}`] }
}

/** A file that no two MiB of are alike. */
async function largeFile(path: string): Promise<void> {
  const block = Buffer.alloc(MiB, 'agent mesh ')
  const file = await open(path, 'w')
  for (let at = 0; at < size; at += MiB) {
    block.writeDoubleBE(at + Math.random())
    await file.write(block, 0, Math.min(MiB, size - at))
  }
  await file.close()
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

type Processes = Record<'sender' | 'receiver', Process> & { relay?: Process }

async function processes(paths: 'any' | 'relay'): Promise<Processes> {
  if (paths === 'any') {
    const sender = await start({ role: 'sender', ...(await behindProxy()) })
    // It does not listen: each link is one that it dials, through the proxy.
    return { sender, receiver: await start({ role: 'receiver', listen: [] }) }
  }
  const relay = await start({ role: 'relay', ...(await behindProxy()) })
  const sender = await start({ role: 'sender', listen: [], paths })
  return { relay, sender, receiver: await start({ role: 'receiver', listen: [], paths }) }
}

describe.each(['any', 'relay'] as const)('a file of some hundred MiB (paths: %s)', paths => {
  test(
    'arrives unchanged although its links are cut in the middle, and no process takes 150 MiB',
    { timeout },
    async () => {
      const [from, to] = [mesh.data('file'), mesh.data('copy')]
      await largeFile(from)
      const started = await processes(paths)
      const { receiver } = started
      const began = performance.now()
      const fetched = receiver.ask({ path: from, to })
      const arrived = async () => (await stat(mesh.data('.copy.mesh-part')).catch(() => ({ size: 0 }))).size
      await vi.waitUntil(async () => (await arrived()) >= size / 2, { timeout, interval: 10 })
      for (const proxy of proxies) proxy.cut()
      const atCut = await arrived()
      expect(await fetched).toEqual({ bytes: size })
      const seconds = (performance.now() - began) / 1_000
      const most: Record<string, number> = {}
      for (const [role, { ask }] of Object.entries(started))
        most[role] = Math.round(((await ask('rss')).mostRss ?? Infinity) / MiB)
      console.log(
        `${size / MiB} MiB (paths: ${paths}) in ${seconds.toFixed(1)} s, cut at ${Math.round(atCut / MiB)} MiB; ` +
          `most memory, MiB: ${JSON.stringify(most)}`,
      )
      expect(proxies.reduce((sum, { cuts }) => sum + cuts, 0)).toBeGreaterThan(0)
      expect(await digest(to)).toBe(await digest(from))
      for (const each of Object.values(most)) expect(each).toBeLessThan(150)
    },
  )
})
