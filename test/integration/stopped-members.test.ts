import { hostService, type Clock } from '@agent-mesh/agent'
import { collector } from '@agent-mesh/cli'
import { expect, test, vi } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'

const collect = collector()

/** What is unreachable is collected in a later turn: of weak references, and of what has a native part. */
const collected = (refs: ReadonlyMap<string, WeakRef<object>>) =>
  vi.waitFor(async () => {
    await collect({ type: 'major', execution: 'async' })
    expect([...refs].filter(([, ref]) => ref.deref() !== undefined).map(([name]) => name)).toEqual([])
  }, 20_000)

/** A mesh that ran and has stopped. In a function of its own, so that no variable keeps one of its members. */
async function stoppedMesh(): Promise<Map<string, WeakRef<object>>> {
  // What is held of a control plane holds its clock.
  const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }
  const mesh = await LocalMesh.start({ clock })
  const refs = new Map<string, WeakRef<object>>([['clock', new WeakRef(clock)]])
  try {
    const relay = await mesh.relay('relay')
    const a = await mesh.agent({ name: 'a', contracts: [hostService] })
    const b = await mesh.agent({ name: 'b' })
    await vi.waitFor(() => a.call('host.info', {}, { peer: b.peerId, timeout: 5_000 }), 20_000)
    await a.metrics()
    for (const member of [relay, a, b]) refs.set(member.name, new WeakRef(member))
    refs.set('control plane', new WeakRef(mesh.controlPlane))
  } finally {
    await mesh.stop()
  }
  return refs
}

test('nothing keeps members and control planes in memory that have stopped', async () => {
  await collected(await stoppedMesh())
})
