import { TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import { pattern, received, secured, stopEnds } from '../testing/tls-ends.ts'

afterEach(stopEnds)
afterEach(() => void vi.restoreAllMocks())

describe('a stream over native TLS', () => {
  it('reads no more in a turn in which answers wait behind a write, so that the peer can work meanwhile', async () => {
    const { near, far } = await secured('native', 'native')
    const data = pattern(1_000_000)
    let [turn, bytes] = [0, 0]
    const perTurn = new Map<number, number>()
    const count = () => {
      turn++
      if (bytes < data.length) setImmediate(count)
    }
    far.connection.pause()
    near.connection.addEventListener('message', () => {})
    far.connection.addEventListener('message', ({ data: chunk }) => {
      bytes += chunk.byteLength
      perTurn.set(turn, (perTurn.get(turn) ?? 0) + chunk.byteLength)
      far.connection.send(chunk)
    })
    near.connection.send(data)
    // All of it lies in the system, which gives up to 2 MiB to a turn.
    await until(() => !near.connection.writableNeedsDrain)
    setImmediate(count)
    far.connection.resume()
    await until(() => bytes === data.length)
    expect(Math.max(...perTurn.values())).toBeLessThan(128 * 1024)
  })

  it('reads on at an end that sends in bulk, where little comes back', async () => {
    const { near, far } = await secured('native', 'native')
    far.connection.pause()
    near.connection.send(Buffer.alloc(32_000_000))
    const paused = vi.spyOn(TLSSocket.prototype, 'pause')
    const back = received(near.connection)
    for (let i = 0; i < 100; i++) far.connection.send(pattern(100))
    await until(() => back.bytes() === 10_000)
    expect(near.connection.writableNeedsDrain).toBe(true)
    expect(paused).not.toHaveBeenCalled()
  })
})
