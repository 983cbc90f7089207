import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { until } from '../../../test/support/until.ts'
import { targetOf, TestTransports } from './testing/test-transports.ts'

let mesh: TestTransports
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(() => mesh.stop())

describe('transport', () => {
  it('links two members by hello, each knowing the other', async () => {
    const [a, b] = [await mesh.join('a'), await mesh.join('b')]
    const link = await a.connect(targetOf(b))
    expect(link).toMatchObject({ path: 'direct', dialler: a.peerId, peer: { credential: { name: 'b' } } })
    const back = await until(() => b.links.best(a.peerId))
    expect(back).toMatchObject({ path: 'direct', dialler: a.peerId, peer: { credential: { name: 'a' } } })
    expect(link.rttMs).toBeGreaterThan(0)
    expect(mesh.errors).toEqual([])
  })

  it('links when the clock was set back by a year: certificates of that time are not shown any more', async () => {
    const [a, b] = [await mesh.join('a'), await mesh.join('b')]
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 365 * 24 * 3600_000 })
    try {
      await expect(a.connect(targetOf(b))).rejects.toThrow()
    } finally {
      vi.useRealTimers()
    }
    expect(await a.connect(targetOf(b))).toMatchObject({ path: 'direct' })
  })

  it('says in one line which address it cannot listen on, and why', async () => {
    const [taken = ''] = (await mesh.join('a')).addresses()
    const failure = await mesh.join('b', { listen: [taken] }).catch((thrown: unknown) => thrown)
    expect(failure).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(
        /^Cannot listen on \/ip4\/127\.0\.0\.1\/tcp\/\d+: listen EADDRINUSE.*$/,
      ) as string,
      hint: expect.stringContaining('--listen') as string,
    })
  })

  it('gives both ends the same RPC stream', async () => {
    const [a, b] = [await mesh.join('a'), await mesh.join('b')]
    const link = await a.connect(targetOf(b))
    const back = await until(() => b.links.best(a.peerId))
    const heard: string[] = []
    back.stream.onData(chunk => {
      heard.push(Buffer.from(chunk).toString())
      back.stream.send(Buffer.from('pong'))
    })
    link.stream.onData(chunk => heard.push(Buffer.from(chunk).toString()))
    link.stream.send(Buffer.from('ping'))
    await until(() => heard.length === 2)
    expect(heard).toEqual(['ping', 'pong'])
  })

  it('says that a stream takes nothing more once either side closes it', async () => {
    const [a, b] = [await mesh.join('a'), await mesh.join('b')]
    const near = (await a.connect(targetOf(b))).stream
    const far = (await until(() => b.links.best(a.peerId))).stream
    const heard: number[] = []
    far.onData(chunk => heard.push(chunk.byteLength))
    expect([near.writable, far.writable]).toEqual([true, true])
    near.send(new Uint8Array(3))
    near.close()
    expect(near.writable).toBe(false)
    expect(near.send(new Uint8Array(5))).toBe(false)
    await until(() => !far.writable)
    expect(heard.reduce((sum, bytes) => sum + bytes, 0)).toBe(3)
  })

  it('shares one dial among callers that ask at the same time', async () => {
    const [a, b] = [await mesh.join('a'), await mesh.join('b')]
    const links = await Promise.all(Array.from({ length: 10 }, () => a.connect(targetOf(b))))
    expect(new Set(links).size).toBe(1)
    expect(b.links.size).toBe(1)
  })
})
