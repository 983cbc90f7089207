import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { targetOf, TestTransports } from '../testing/test-transports.ts'

let mesh: TestTransports
beforeEach(async () => {
  mesh = await TestTransports.create()
})
afterEach(() => mesh.end())

/** Both ends of a stream of raw bytes. */
async function ends(options = {}) {
  const [a, b] = [await mesh.join('a', options), await mesh.join('b', options)]
  const { promise: there, resolve } = Promise.withResolvers<Duplex>()
  await b.handleDuplex('/raw/1.0.0', stream => {
    stream.on('error', () => {})
    resolve(stream)
  })
  const link = await a.connect(targetOf(b))
  const here = await link.openDuplex('/raw/1.0.0')
  here.on('error', () => {})
  here.write('begin')
  const other = await there
  await once(other, 'readable')
  expect(String(other.read())).toBe('begin')
  return { a, b, link, here, there: other }
}

describe('a duplex', () => {
  it('passes on the end of one direction alone, and closes after both', async () => {
    const { here, there, link } = await ends()
    here.end(randomBytes(300_000))
    expect((await buffer(there)).length).toBe(300_000)
    there.write('still open')
    await once(here, 'readable')
    expect(String(here.read())).toBe('still open')
    there.end()
    expect((await buffer(here)).length).toBe(0)
    await vi.waitUntil(() => !link.busy, { timeout: 20_000 })
  })

  it('delivers every byte to a reader that pauses, in order', async () => {
    const { here, there } = await ends()
    const bytes = randomBytes(6 << 20)
    here.end(bytes)
    const hash = createHash('sha256')
    let pauses = 0
    for await (const chunk of there) {
      hash.update(chunk as Buffer)
      if (pauses++ % 50 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'))
  })

  it('holds a writer back while the other end does not read, and then delivers all of it', async () => {
    const { here, there } = await ends()
    const chunk = Buffer.alloc(16 * 1024, 1)
    const chunks = 1_024
    let accepted = 0
    const writing = (async () => {
      for (; accepted < chunks; accepted++)
        await new Promise<void>((resolve, reject) =>
          here.write(chunk, error => (error ? reject(error) : resolve())),
        )
      here.end()
    })()
    let last = -1
    // It is held back when nothing more is accepted from one look to the next.
    await vi.waitUntil(() => accepted > 0 && last === (last = accepted), { timeout: 30_000, interval: 100 })
    expect(accepted).toBeLessThan(chunks / 2)
    expect((await buffer(there)).length).toBe(chunks * chunk.length)
    await writing
  })

  it('that nobody uses keeps its link, however long', async () => {
    const { a, b, link, here, there } = await ends({ options: { idleMs: 20, sweepMs: 10 } })
    const sweeps = vi.spyOn(a.links, 'sweep')
    await vi.waitUntil(() => sweeps.mock.calls.length > 10, { timeout: 20_000 })
    expect([link.state, b.links.size]).toEqual(['up', 1])
    there.write('after')
    await once(here, 'readable')
    here.destroy()
    await vi.waitUntil(() => link.state === 'down', { timeout: 20_000 })
  })

  it('destroyed at one end, or whose link is lost, fails with path_lost at the other', async () => {
    const first = await ends()
    const failed = once(first.there, 'error')
    first.here.destroy()
    expect((await failed)[0]).toMatchObject({ code: 'path_lost' })
    const next = await first.link.openDuplex('/raw/1.0.0')
    next.on('error', () => {})
    const lost = once(next, 'error')
    await first.b.stop()
    expect((await lost)[0]).toMatchObject({ code: 'path_lost' })
    await expect(
      new Promise((resolve, reject) => next.write('x', error => (error ? reject(error) : resolve('')))),
    ).rejects.toThrow()
  })
})
