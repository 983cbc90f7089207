import { Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { swimPresets } from '../membership/swim/settings.ts'
import { targetOf, TestTransports } from '../transport/testing/test-transports.ts'
import { pathDefaults } from './defaults.ts'

/** From the probe that is due until its bytes are on the way: the tick of the path watch, and a busy event loop. */
const lateMs = 10_000

/** After how much silence the connections of this version of libp2p are reset, ms: as it is set at the sockets of a link. */
async function inactivityMs(): Promise<number> {
  const mesh = await TestTransports.create()
  const setTimeouts = vi.spyOn(Socket.prototype, 'setTimeout')
  try {
    const [one, other] = [await mesh.join('one'), await mesh.join('other')]
    await one.connect(targetOf(other))
    const limits = (setTimeouts.mock.contexts as Socket[]).map(({ timeout }) => timeout ?? 0)
    return Math.min(...limits.filter(ms => ms > 0))
  } finally {
    setTimeouts.mockRestore()
    await mesh.stop()
  }
}

test('each link at rest is probed before libp2p resets it for its silence', async () => {
  const { meteredHomeMs, meteredStandbyMs, meteredPingMs, watchPingMs, peerProbeMs } = pathDefaults
  const { relayProbeMs, standbyProbeMs } = pathDefaults
  const ring = Object.entries(swimPresets).flatMap(([name, { restMs, closeMs, homedMs }]) => [
    [`${name} restMs`, restMs],
    [`${name} closeMs`, closeMs],
    [`${name} homedMs`, homedMs * 1.25],
  ])
  const paces = Object.fromEntries([
    ...Object.entries({ meteredHomeMs, meteredStandbyMs, peerProbeMs, relayProbeMs, standbyProbeMs }),
    ['meteredPingMs', meteredPingMs + watchPingMs * 1.25],
    ...ring,
  ]) as Record<string, number>
  const limit = await inactivityMs()
  expect(Number.isFinite(limit)).toBe(true)
  const late = Object.entries(paces).filter(([, ms]) => ms + lateMs >= limit)
  expect(late, `reset after ${limit} ms`).toEqual([])
})
