import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RingOrder } from '../membership/ring-order.ts'
import { Verdicts } from '../membership/verdicts.ts'
import { createLogger } from '../observe/logger.ts'
import { bareTable } from '../transport/testing/bare-links.ts'
import { FailureDetection, type FailureDetectionInit } from './failure-detection.ts'

const ignore = () => () => {}

let members: Set<string>
let agents: RingOrder
let forgotten: (peerIds: readonly string[]) => void
let dialled: string[]
let verdicts: Verdicts
let detection: FailureDetection

beforeEach(() => {
  vi.useFakeTimers()
  members = new Set(['ada'])
  dialled = []
  verdicts = new Verdicts(() => performance.now(), ignore)
  agents = new RingOrder('mesh', 5)
  for (const peerId of ['self', 'ada']) agents.add(peerId)
  const known = (peerId: string) => ({ peerId, record: { incarnation: 1, homeRelays: [] } })
  const member = {
    identity: { peerId: 'self' },
    transport: { links: bareTable() },
    serving: { sessions: { onFeatures: ignore, takeSwim: ignore } },
    head: { current: { keys: { meshId: 'mesh' }, relays: [] }, onChange: ignore },
    map: {
      get: (peerId: string) => (members.has(peerId) ? known(peerId) : undefined),
      members: () => [...members].map(known),
      onChange: ignore,
      onForget: (listener: typeof forgotten) => void (forgotten = listener),
    },
    publisher: { onSigned: ignore },
    revocations: { ended: () => new Promise(() => {}) },
    metrics: { registry: new Registry() },
    log: createLogger('test', 'silent'),
    ...{ verdicts, preset: 'edge' },
  } as unknown as FailureDetectionInit['member']
  detection = new FailureDetection({
    ...{ member, agents, ownRelays: () => [], isHomed: () => false },
    linkTo: peerId => {
      dialled.push(peerId)
      return Promise.reject(new Error('not reached'))
    },
  })
})
afterEach(async () => {
  await detection.stop()
  vi.useRealTimers()
})

test('a member that leaves the map is neither dialled nor judged, though the rings have it a moment longer', async () => {
  detection.settle()
  await vi.advanceTimersByTimeAsync(10)
  expect(dialled).toContain('ada')
  dialled = []
  members.delete('ada')
  forgotten(['ada'])
  await vi.advanceTimersByTimeAsync(120_000)
  expect([dialled, verdicts.stateOf('ada')]).toEqual([[], undefined])
})
