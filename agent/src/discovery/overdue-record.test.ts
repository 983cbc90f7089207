import { MeshError } from '@agent-mesh/protocol'
import { expect, onTestFinished, test, vi } from 'vitest'
import { TestMesh } from '../../../test/support/mesh-fixture.ts'
import { systemClock } from '../observe/clock.ts'
import { discoveryDefaults } from './defaults.ts'
import { startRecordedPublisher } from './testing/recorded-publisher.ts'

async function started(onPublish: () => Promise<void>) {
  let later = 0
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later }
  const member = await (await TestMesh.create()).member()
  const publisher = await startRecordedPublisher({ member, onPublish, clock })
  onTestFinished(() => publisher.stop())
  return { publisher, wait: (ms: number) => (later += ms) }
}

test('a record that is on its way is not overdue, one that nobody takes is', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { publisher, wait } = await started(() => promise)
  expect(publisher).toMatchObject({ published: false, overdue: false })
  wait(discoveryDefaults.publishLateMs)
  expect(publisher.overdue).toBe(true)
  resolve()
  await vi.waitFor(() => expect(publisher.published).toBe(true), 20_000)
  expect(publisher.overdue).toBe(false)
  await publisher.update({ services: ['text@1'] })
  expect(publisher).toMatchObject({ published: false, overdue: false })
})

test('a refused record is overdue at once', async () => {
  const { publisher } = await started(() =>
    Promise.reject(new MeshError('permission_denied', 'No', { told: true })),
  )
  await vi.waitFor(() => expect(publisher.overdue).toBe(true), 20_000)
})
