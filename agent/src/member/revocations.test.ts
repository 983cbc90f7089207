import { describe, expect, test, vi } from 'vitest'
import type { HeadKeeper } from '../membership/head-keeper.ts'
import { systemClock } from '../observe/clock.ts'
import { createLogger } from '../observe/logger.ts'
import { RevokedMembers } from './revocations.ts'

/** Of a member `self` without links, and a list that says from now on who was revoked. */
function alone() {
  let changed: Parameters<HeadKeeper['onChange']>[0] = () => {}
  const listOf = (...peerIds: string[]) => ({
    peerIds: new Set(peerIds),
    serials: new Set(),
    times: new Map(),
  })
  const head = {
    current: { revocations: listOf() },
    onChange: (listener: typeof changed) => (changed = listener),
  }
  const revocations = new RevokedMembers({
    self: { peerId: 'self', serial: () => 'serial' },
    head: head as never,
    client: { bootstrap: () => Promise.reject(new Error('away')) },
    links: { all: () => [], onUp: () => () => {}, disconnect: () => {} },
    sessions: { abort: () => {} },
    clock: systemClock,
    log: createLogger('test', 'silent'),
  })
  const told = vi.fn()
  revocations.onOwn(told)
  const list = (...peerIds: string[]) => {
    head.current = { revocations: listOf(...peerIds) }
    changed(head.current as never)
  }
  return { revocations, told, list }
}

describe('a member that was put out', () => {
  test('is told so once, and again when a restored control plane took it back in between', () => {
    const { revocations, told, list } = alone()
    list('other')
    expect(told).not.toHaveBeenCalled()
    list('other', 'self')
    list('self')
    expect(told).toHaveBeenCalledTimes(1)
    list()
    expect(revocations.own).toBe(false)
    list('self')
    expect(told).toHaveBeenCalledTimes(2)
  })

  test('is what it says by the known list while the newest one cannot be read', async () => {
    const { revocations, list } = alone()
    expect(await revocations.confirm(AbortSignal.timeout(1_000))).toBe(false)
    list('self')
    expect(await revocations.confirm(AbortSignal.timeout(1_000))).toBe(true)
  })
})
