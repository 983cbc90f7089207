import type { LocalStatus } from '@agent-mesh/protocol/local-api'
import { describe, expect, it } from 'vitest'

import { createOutput } from '../show/output.ts'
import { render } from '../show/text.ts'
import { statusText } from './status.ts'

const status: LocalStatus = {
  kind: 'agent',
  version: '1',
  pid: 7,
  startedAt: Date.now(),
  meshId: 'm',
  ready: true,
  warnings: [],
  controlPlane: { url: 'http://cp', reachable: true },
  relays: [],
  addrs: [],
  services: [],
  members: { known: 1, online: 1 },
  links: { direct: 0, webrtc: 0, relay: 0 },
}
const shown = (changes: Partial<LocalStatus>) =>
  render(statusText({ ...status, ...changes }, createOutput({ json: false, color: false })))

describe('agent-mesh status', () => {
  it.each<[string, Partial<LocalStatus>, RegExp, RegExp]>([
    ['that it is ready', {}, /^agent +ready, /m, /^control plane +http:\/\/cp$/m],
    [
      'that a control plane is unreachable',
      { controlPlane: { url: 'http://cp', reachable: false } },
      /^agent +ready, /m,
      /http:\/\/cp \(unreachable\)$/m,
    ],
    [
      'since when a control plane is unreachable',
      { controlPlane: { url: 'http://cp', reachable: false, unreachableSince: Date.now() - 240_000 } },
      /^agent +ready, /m,
      /http:\/\/cp \(unreachable for 4 min\)$/m,
    ],
    [
      'that a member was revoked, which is not that the control plane is away',
      {
        ready: false,
        revoked: true,
        controlPlane: { url: 'http://cp', reachable: true, refused: 'revoked' },
      },
      /^agent +revoked, /m,
      /http:\/\/cp \(refuses: revoked\)$/m,
    ],
  ])('tells %s', (_, changes, state, controlPlane) => {
    expect(shown(changes)).toMatch(state)
    expect(shown(changes)).toMatch(controlPlane)
  })

  it('names the checks that do not pass, and repeats no warning', () => {
    const since = Date.now() - 240_000
    const checks = [
      { name: 'disk', level: 'passing', since },
      { name: 'queue', level: 'failing', reason: 'no broker', since, damped: true },
      { name: 'store', level: 'failing', reason: 'disk full', since },
    ]
    const text = shown({ ready: false, warnings: ['disk full'], checks })
    expect(text).toMatch(/^check queue +failing for 4 min: no broker \(flapping\)$/m)
    expect(text).not.toMatch(/check (disk|store)/)
  })

  it('says what a member announces, which is not where it listens', () => {
    const addrs = ['/ip4/127.0.0.1/tcp/4001']
    expect(shown({ addrs })).toMatch(/^announces +\/ip4\/127/m)
    expect(shown({ kind: 'control-plane', addrs: ['http://cp'] })).toMatch(/^listens on +http:\/\/cp$/m)
  })
})
