import { hostService } from '@agent-mesh/agent'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const day = 24 * 3600_000

let mesh: LocalMesh
beforeEach(async () => {
  mesh = await LocalMesh.start()
})
afterEach(() => mesh.stop())

test.each([
  { days: -0.99, said: 'behind' },
  { days: 0.99, said: 'ahead of' },
])('an agent whose clock is off by $days days joins, calls, and says so', async ({ days, said }) => {
  await mesh.relay('relay-1')
  const right = await mesh.agent({ name: 'right' })
  const clock = new VirtualClock()
  clock.advance(days * day)
  const wrong = await mesh.agent({ name: 'wrong', clock, contracts: [hostService] })
  await vi.waitFor(() => wrong.call('host.info', {}, { peer: right.peerId, timeout: 5_000 }), 60_000)
  await vi.waitFor(
    () => expect(wrong.status().warnings.join()).toContain(`${said} that of the control plane`),
    30_000,
  )
  await vi.waitFor(() => expect(right.status().warnings).toEqual([]), 30_000)
})

describe.each([
  { what: 'booted in 1970', off: -Date.now() },
  { what: 'ran a year ahead', off: 365 * day },
])('a member that $what', ({ off }) => {
  test('says so, and is reachable once its clock was set', async () => {
    await mesh.relay('relay-1')
    const right = await mesh.agent({ name: 'right', contracts: [hostService] })
    const enrolled = await mesh.agent({ name: 'wrong' })
    await vi.waitFor(() => expect(enrolled.status().members.known).toBe(3), 30_000)
    await enrolled.stop()

    const clock = new VirtualClock()
    clock.advance(off)
    const wrong = await mesh.startAgent({ name: 'wrong', clock, contracts: [hostService] })
    const late = await mesh.agent({ name: 'joined-meanwhile' })
    await vi.waitFor(
      () => expect(wrong.status().warnings.join()).toMatch(/the clock of this machine is \d+ days/),
      30_000,
    )
    expect(wrong.status().ready).toBe(false)

    clock.advance(-off)
    await vi.waitFor(() => right.call('host.info', {}, { peer: wrong.peerId, timeout: 5_000 }), 60_000)
    await vi.waitFor(() => wrong.call('host.info', {}, { peer: late.peerId, timeout: 5_000 }), 60_000)
    await vi.waitFor(() => expect(wrong.status()).toMatchObject({ ready: true, warnings: [] }), 60_000)
    expect(wrong.status().startedAt).toBeGreaterThan(Date.now() - day)
  }, 400_000)
})
