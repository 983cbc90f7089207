import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalStatus } from '@agent-mesh/protocol/local-api'
import { version } from '@agent-mesh/protocol/version'
import type { EndedMembership } from '@agent-mesh/protocol/revocation-list'
import { describe, expect, it } from 'vitest'

import { NothingRunningError } from '../exit-codes.ts'
import { examine } from './examine.ts'
import type { Facts } from './facts.ts'
import type { MemberFacts } from './member-facts.ts'

const now = Date.UTC(2030, 0, 1)
const status: LocalStatus = {
  kind: 'agent',
  version,
  pid: 7,
  startedAt: now - 60_000,
  meshId: 'm',
  ready: true,
  warnings: [],
  relays: [{ peerId: 'p', name: 'relay-1', reserved: true }],
  addrs: [],
  services: [],
  members: { known: 1, online: 1 },
  links: { direct: 0, webrtc: 0, relay: 1 },
}
const facts = (changes: Partial<Facts> = {}): Facts => ({
  now,
  flags: ' --context x',
  kind: 'member',
  folder: {
    path: '/data',
    exists: true,
    files: [],
    mode: 0o700,
    looseKeys: [],
    mine: true,
    space: { freeBytes: 1e12, freeFiles: 1e6 },
  },
  daemon: status,
  ...changes,
})
const skewed = (skewMs: number): Partial<Facts> => ({
  controlPlane: { url: 'http://cp', answer: { skewMs, head: undefined as never }, self: {} },
})
/** The answer of the control plane about the own key, and the peers on its list. */
const told = (self: MeshError | object, ...listed: string[]): Partial<Facts> => toldBy(self, listed)
const removed = (how: 'removed' | 'replaced', self: MeshError | object = {}): Partial<Facts> =>
  toldBy(self, [], [['s', { peerId: 'p', how, at: now }]])
const toldBy = (
  self: MeshError | object,
  listed: string[],
  ended: [string, EndedMembership][] = [],
): Partial<Facts> => ({
  member: {
    identity: { peerId: 'p' },
    credential: { serial: 's', iat: now / 1_000, exp: now / 1_000 + 86_400 },
  } as MemberFacts,
  controlPlane: {
    url: 'http://cp',
    answer: {
      skewMs: 0,
      head: {
        revocations: {
          peerIds: new Set(listed),
          times: new Map(),
          serials: new Set(ended.map(([serial]) => serial)),
          ended: new Map(ended),
        },
      } as never,
    },
    self,
  },
})
const folder = facts().folder
const find = (check: string, changes: Partial<Facts>) =>
  examine(facts(changes)).find(line => line.check === check)

const hour = 3_600_000

describe('doctor', () => {
  it.each<[string, string, Partial<Facts>, string, RegExp]>([
    ['a clock that is right', 'clock', skewed(900), 'ok', /at most 900 ms/],
    ['a clock over a minute behind', 'clock', skewed(61_000), 'warn', /61\.0 s behind|1 min behind/],
    ['a clock two days ahead', 'clock', skewed(-48 * hour), 'fail', /2 d ahead of/],
    [
      'a full disk',
      'disk',
      { folder: { ...folder, space: { freeBytes: 0, freeFiles: 9 } } },
      'fail',
      /^full/,
    ],
    [
      'a disk without free inodes',
      'disk',
      { folder: { ...folder, space: { freeBytes: 1e12, freeFiles: 0 } } },
      'fail',
      /, 0 files free/,
    ],
    [
      'a disk that is nearly full',
      'disk',
      { folder: { ...folder, space: { freeBytes: 5e7, freeFiles: 9 } } },
      'warn',
      /nearly full: 47 MiB/,
    ],
    [
      'the folder of another user',
      'data folder',
      { folder: { ...folder, mine: false } },
      'fail',
      /another user/,
    ],
    [
      'a process of another version',
      'version',
      { daemon: { ...status, version: '0.0.9' } },
      'warn',
      /0\.0\.9 is running/,
    ],
    ['no reservation at a relay', 'relays', { daemon: { ...status, relays: [] } }, 'warn', /no relay/],
    ['a reservation', 'relays', {}, 'ok', /relay-1/],
    ['a process that is not ready', 'process', { daemon: { ...status, ready: false } }, 'fail', /not ready/],
    [
      'a process that hangs',
      'process',
      { daemon: new MeshError('deadline_exceeded', 'Cannot ask: no answer') },
      'fail',
      /no answer/,
    ],
    ['no process', 'process', { daemon: new NothingRunningError('/data') }, 'warn', /nothing runs/],
    [
      'a copy of itself that the process has found',
      'copies',
      {
        daemon: { ...status, warnings: ['cloned key: two processes use the key of this member; …'] },
        member: { identity: { peerId: 'p' } } as MemberFacts,
      },
      'fail',
      /^cloned key: two processes use the key of this member/,
    ],
    ['an enrolment in force', 'enrolment', told({}, 'other'), 'ok', /^in force/],
    [
      'a revocation that the signed list tells',
      'enrolment',
      told(new MeshError('revoked', 'Cannot accept request'), 'p'),
      'fail',
      /^revoked: this member was revoked$/,
    ],
    [
      'a removal',
      'enrolment',
      removed('removed'),
      'fail',
      /^removed: .* was removed from the mesh at 2030-01-01/,
    ],
    ['a replacement', 'enrolment', removed('replaced'), 'fail', /^replaced: .* by another machine/],
    [
      'a removal that only the control plane tells',
      'enrolment',
      told(new MeshError('unauthenticated', 'Cannot accept request', { details: { ended: 'removed' } })),
      'fail',
      /^removed, says the control plane: /,
    ],
    [
      'a folder that left its mesh',
      'credential',
      { kind: 'new', left: { meshId: 'm1', at: '2029-12-31T00:00:00.000Z' } },
      'fail',
      /^none: this folder left mesh m1 at 2029/,
    ],
    ['a folder that never joined', 'credential', { kind: 'new' }, 'fail', /never joined a mesh/],
    [
      'a context that administers a mesh elsewhere',
      'process',
      { kind: 'admin', daemon: new NothingRunningError('/data') },
      'ok',
      /administers a mesh elsewhere$/,
    ],
    [
      'the key of such a context',
      'enrolment',
      { ...told({}), member: undefined as never, kind: 'admin' },
      'ok',
      /answers to this key as to an admin/,
    ],
    [
      'the key of an admin that was revoked',
      'enrolment',
      { ...told(new MeshError('revoked', 'x')), member: undefined as never, kind: 'admin' },
      'fail',
      /refuses this key of an admin/,
    ],
    [
      'a control plane that does not run',
      'process',
      { kind: 'control-plane', daemon: new NothingRunningError('/data') },
      'warn',
      /nothing runs/,
    ],
    [
      'a revocation that the list has forgotten, or that is forged',
      'enrolment',
      told(new MeshError('revoked', 'Cannot accept request'), 'other'),
      'fail',
      /^revoked, says the answer .* list does not name this key/,
    ],
    [
      'an enrolment that the control plane does not know',
      'enrolment',
      told(new MeshError('unauthenticated', 'Cannot accept request: p is not a member of this mesh')),
      'fail',
      /is not a member of this mesh/,
    ],
    [
      'what the process warns of',
      'warnings',
      { daemon: { ...status, warnings: ['the head is old.', 'no relay is reachable'] } },
      'warn',
      /^the head is old; no relay is reachable$/,
    ],
    [
      'a check of the process that fails',
      'checks',
      {
        daemon: { ...status, checks: [{ name: 'queue', level: 'failing', reason: 'no broker', since: now }] },
      },
      'fail',
      /^queue: no broker$/,
    ],
    [
      'a check that is damped',
      'checks',
      {
        daemon: {
          ...status,
          checks: [{ name: 'queue', level: 'warning', reason: 'slow', since: now, damped: true }],
        },
      },
      'warn',
      /^queue: slow \(it changed more than 6 times in 10 min/,
    ],
    [
      'what a process did to recover',
      'recovery',
      {
        daemon: {
          ...status,
          acts: [
            { at: now - 2 * 3_600_000, supervisor: 'clock', act: 'long ago', times: 1 },
            { at: now - 60_000, supervisor: 'relay', act: 'moved to relay relay-2', times: 3 },
          ],
        },
      },
      'ok',
      /^1 min ago relay: moved to relay relay-2, 3 times$|^60\.0 s ago/,
    ],
  ])('says of %s what it is and what to do', (_, check, changes, state, found) => {
    expect(find(check, changes)).toMatchObject({ state, found: expect.stringMatching(found) as string })
    expect(find(check, changes)?.advice === undefined).toBe(state === 'ok')
  })

  it('advises a removed member to join again where it is, a revoked one to begin anew', () => {
    expect(find('enrolment', removed('removed'))?.advice).toMatch(
      /^The key may join again\. Join with a new token/,
    )
    const revoked = told(new MeshError('revoked', 'Cannot accept request'), 'p')
    expect(find('enrolment', revoked)?.advice).toMatch(/move the folder away and join with a new token/)
  })

  it('asks for the right mesh when another one answers', () => {
    const answer = new MeshError(
      'unauthenticated',
      'Cannot trust this control plane: it serves mesh b, not a',
    )
    const line = find('control plane', { controlPlane: { url: 'http://cp', answer, self: undefined } })
    expect(line).toMatchObject({ state: 'fail', found: expect.stringContaining('mesh b, not a') as string })
  })
})
