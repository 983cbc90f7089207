/** A stream of 1 GiB between two processes whose reader stops for a minute; and calls beside a full stream. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { quickest } from '../support/quickest.ts'

const script = new URL('../support/stream-process.ts', import.meta.url)
/** ms. The reader stops for so long. */
const stopMs = Number(process.env['STREAM_STOP_MS'] ?? 60_000)
const mib = 1024 * 1024

const running: ChildProcess[] = []
afterEach(() => {
  for (const child of running.splice(0)) child.kill()
})

type Reply = Record<'port' | 'rss' | 'read' | 'p50', number>

/** A process, and how to ask it for something. */
async function start(...args: string[]) {
  const child = fork(script, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  running.push(child)
  const [first] = (await once(child, 'message')) as [Reply]
  const ask = async (request: { act: string; mib?: number; calls?: number }): Promise<Reply> => {
    const reply = once(child, 'message') as Promise<[Reply]>
    child.send(request)
    return (await reply)[0]
  }
  return { first, ask }
}

async function pair() {
  const server = await start('serve')
  return { server, reader: await start('read', String(server.first.port)) }
}

test(
  'a reader that stops for a minute costs neither end 32 MiB, and then reads all of 1 GiB',
  { timeout: 400_000 },
  async () => {
    const { server, reader } = await pair()
    await reader.ask({ act: 'open', mib: 1_024 })
    // The memory of a process at full speed does not count.
    let read = (await reader.ask({ act: 'read', mib: 256 })).read
    const rss = async () =>
      Promise.all([server, reader].map(async end => (await end.ask({ act: 'rss' })).rss))
    const before = await rss()
    const most = [...before]
    const until = performance.now() + stopMs
    const stopped = async () => {
      for (const [i, now] of (await rss()).entries()) most[i] = Math.max(most[i] ?? 0, now)
      return performance.now() >= until
    }
    await vi.waitUntil(stopped, { timeout: stopMs + 30_000, interval: 500 })
    const grown = most.map((now, i) => Math.round((now - (before[i] ?? 0)) / mib))
    console.log(`MiB while the reader stopped for ${stopMs} ms: sender +${grown[0]}, reader +${grown[1]}`)
    for (const each of grown) expect(each).toBeLessThan(32)
    read += (await reader.ask({ act: 'read', mib: 2_048 })).read
    expect(read).toBe(1_024 * mib)
  },
)

test('calls of 100 bytes beside a full stream take less than 5 ms at the median', async () => {
  const { reader } = await pair()
  const median = async () => (await reader.ask({ act: 'calls', calls: 100 })).p50
  expect(await quickest(5, median, 30)).toBeLessThan(5)
})
