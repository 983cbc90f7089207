import { hostService } from '@agent-mesh/agent'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
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
  await vi.waitFor(() => wrong.call('host.info', {}, { peer: right.peerId, timeout: 2_000 }), 10_000)
  await vi.waitFor(
    () => expect(wrong.status().warnings.join()).toContain(`${said} that of the control plane`),
    10_000,
  )
  await vi.waitFor(() => expect(right.status().warnings).toEqual([]), 10_000)
})
