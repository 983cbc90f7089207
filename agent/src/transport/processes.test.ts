import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DialTarget } from './dial/dial-target.ts'
import type { Link } from './links/link.ts'
import type { EchoInput } from './testing/echo-process.ts'
import { TestTransports, type TransportMember } from './testing/test-transports.ts'
import type { Transport } from './transport.ts'
import { quickest } from '../../../test/support/quickest.ts'

let mesh: TestTransports
let own: Transport
const children: ChildProcess[] = []

beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await mesh.stop()
})

/** Starts the echo member as a process, which admits `members`. @returns where it is */
async function echoProcess(
  members: readonly TransportMember[],
  listen = '/ip4/127.0.0.1/tcp/0',
): Promise<{ child: ChildProcess; target: DialTarget }> {
  const other = await mesh.member('echo')
  const admitted = members.map(({ ports, identity }) => other.ports.admit(ports.hello(), identity.peerId))
  const peers = await Promise.all(admitted)
  const input: EchoInput = {
    jwk: other.identity.privateJwk(),
    hello: other.ports.hello(),
    peers: Object.fromEntries(peers.map(peer => [peer.peerId, peer])),
    listen: [listen],
  }
  const script = fileURLToPath(new URL('./testing/echo-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  child.stdin.write(`${JSON.stringify(input)}\n`)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, target: { peerId: other.identity.peerId, addrs: JSON.parse(line) as string[], relays: [] } }
}

async function linkedProcess(): Promise<{ child: ChildProcess; link: Link }> {
  const member = await mesh.member('own')
  own = await mesh.start(member)
  const { child, target } = await echoProcess([member])
  return { child, link: await own.connect(target) }
}

/** The open descriptors of this process, those included that no table of the system lists any more. */
function openSockets(): string[] {
  const links = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return '' // that of the listing itself
    }
  })
  return links.filter(link => link.startsWith('socket:'))
}

describe('a member in a process of its own', () => {
  it('is linked, answers, and exits by itself when told to stop', async () => {
    const { child, link } = await linkedProcess()
    const echoed = new Promise<string>(resolve =>
      link.stream.onData(chunk => resolve(String(Buffer.from(chunk)))),
    )
    link.stream.send(Buffer.from('hello'))
    expect(await echoed).toBe('hello')
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
    await link.closed
    expect(own.links.size).toBe(0)
  })

  it('that is killed takes its link down at once', async () => {
    const kill = async () => {
      const { child, link } = await linkedProcess()
      const since = performance.now()
      child.kill('SIGKILL')
      await link.closed
      expect(own.links.size).toBe(0)
      return performance.now() - since
    }
    expect(await quickest(1_000, kill)).toBeLessThan(1_000)
    expect(mesh.errors).toEqual([])
  })

  it.runIf(process.platform === 'linux').each(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'])(
    'that is killed leaves none of twelve descriptors open: %s',
    async listen => {
      const members = await Promise.all(Array.from({ length: 12 }, (_, i) => mesh.member(`own-${i}`)))
      const { child, target } = await echoProcess(members, listen)
      const linkers = await Promise.all(members.map(member => mesh.start(member, { listen: [] })))
      const before = openSockets()
      const links = await Promise.all(linkers.map(linker => linker.connect(target)))
      const echoes = links.map(({ stream }) => new Promise<void>(resolve => stream.onData(() => resolve())))
      for (const { stream } of links) stream.send(Buffer.from('hello'))
      await Promise.all(echoes)
      expect(openSockets()).toHaveLength(before.length + 12)
      child.kill('SIGKILL')
      await Promise.all(links.map(({ closed }) => closed))
      const left = () => openSockets().filter(socket => !before.includes(socket))
      await vi.waitFor(() => expect(left()).toEqual([]), 20_000)
    },
  )
})
