import type { Subject } from '@agent-mesh/protocol'
import { expect, it, vi } from 'vitest'

import { CallerProcesses } from './caller-processes.ts'

const member = (name: string): Subject => ({ sub: name, name, roles: [], tags: [] }) as unknown as Subject
const never = new AbortController().signal

/** Opens what knows whether it is open. */
function opened(init: { most?: number; idleMs?: number; fails?: () => boolean } = {}) {
  const all: { of: string; open: boolean; end: () => void }[] = []
  const open = async ({ name }: Subject) => {
    if (init.fails?.() === true) throw new Error('does not start')
    const ended = new AbortController()
    const each = { of: name, open: true, end: () => ended.abort() }
    all.push(each)
    return { ...each, ended: ended.signal, close: async () => void (each.open = false) }
  }
  const { most = 8, idleMs = 600_000 } = init
  const processes = new CallerProcesses({ name: 'fs', open, most, idleMs })
  return { all, processes, use: (name: string) => processes.use(member(name), async ({ of }) => of, never) }
}

/** A call that lasts until it is ended. */
function lasting({ processes }: ReturnType<typeof opened>, name: string) {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { done: processes.use(member(name), () => promise, never), end: resolve }
}

it('calls of one member share a process, those of another have another', async () => {
  const { all, use } = opened()
  expect(await Promise.all([use('a'), use('b'), use('a')])).toEqual(['a', 'b', 'a'])
  expect(await use('a')).toBe('a')
  expect(all.map(({ of }) => of).sort()).toEqual(['a', 'b'])
})

it('one that is idle is ended, and a later call has a new one', async () => {
  const { all, use } = opened({ idleMs: 1 })
  await use('a')
  await vi.waitFor(() => expect(all[0]?.open).toBe(false), 20_000)
  await use('a')
  expect(all).toHaveLength(2)
})

it('one with a call in flight is not idle', async () => {
  const mesh = opened({ idleMs: 1 })
  const call = lasting(mesh, 'a')
  // It is idle and ended, and the other still has its call.
  await mesh.use('b')
  await vi.waitFor(() => expect(mesh.all.find(({ of }) => of === 'b')?.open).toBe(false), 20_000)
  expect(mesh.all.find(({ of }) => of === 'a')?.open).toBe(true)
  call.end()
  await call.done
  await vi.waitFor(() => expect(mesh.all.find(({ of }) => of === 'a')?.open).toBe(false), 20_000)
})

it('there are never more than the most: the one that was idle longest ends first', async () => {
  const { all, use } = opened({ most: 2 })
  for (const name of ['a', 'b', 'a', 'c']) await use(name)
  expect(all.filter(({ open }) => open).map(({ of }) => of)).toEqual(['a', 'c'])
})

it('a member is refused while all the others have calls in flight', async () => {
  const mesh = opened({ most: 2 })
  const calls = ['a', 'b'].map(name => lasting(mesh, name))
  await expect(mesh.use('c')).rejects.toMatchObject({ code: 'overloaded' })
  for (const call of calls) call.end()
  await Promise.all(calls.map(({ done }) => done))
  expect(await mesh.use('c')).toBe('c')
})

it('after an end and after a failed start the next call starts anew', async () => {
  let fails = false
  const { all, use } = opened({ fails: () => fails })
  await use('a')
  all[0]?.end()
  fails = true
  await expect(use('a')).rejects.toThrow('does not start')
  fails = false
  expect(await use('a')).toBe('a')
  expect(all).toHaveLength(2)
})

it('stop ends all', async () => {
  const { all, processes, use } = opened()
  await Promise.all([use('a'), use('b')])
  await processes.stop()
  expect(all.map(({ open }) => open)).toEqual([false, false])
})
