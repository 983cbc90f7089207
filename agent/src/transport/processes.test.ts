import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Peer } from '@agent-mesh/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Link } from './link.ts'
import type { EchoInput } from './testing/echo-process.ts'
import { TestMesh } from './testing/test-mesh.ts'
import type { Transport } from './transport.ts'

let mesh: TestMesh
let own: Transport
const children: ChildProcess[] = []

beforeEach(async () => {
  mesh = await TestMesh.create()
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await mesh.stop()
})

/** Starts the echo member as a process, and links to it. */
async function linkedProcess(): Promise<{ child: ChildProcess; link: Link }> {
  const [member, other] = [await mesh.member('own'), await mesh.member('echo')]
  own = await mesh.start(member)
  const self: Peer = await other.ports.admit(member.ports.hello(), member.identity.peerId)
  const input: EchoInput = {
    jwk: other.identity.privateJwk(),
    hello: other.ports.hello(),
    peers: { [self.peerId]: self },
  }
  const script = fileURLToPath(new URL('./testing/echo-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  child.stdin.write(`${JSON.stringify(input)}\n`)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const addrs = JSON.parse(line) as string[]
  return { child, link: await own.connect({ peerId: other.identity.peerId, addrs, relays: [] }) }
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
    const { child, link } = await linkedProcess()
    const since = performance.now()
    child.kill('SIGKILL')
    await link.closed
    expect(performance.now() - since).toBeLessThan(1_000)
    expect(own.links.size).toBe(0)
    expect(mesh.errors).toEqual([])
  })
})
