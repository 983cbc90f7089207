import { beforeEach, describe, expect, test } from 'vitest'
import type { Link } from '../transport/links/link.ts'
import { Belief } from './belief.ts'
import { Presence, type PresenceSource } from './presence.ts'

const link = { path: 'direct' } as Link

let now: number
let heardAt: number
let linked: boolean
let asked: Link[]
let relay: PresenceSource
let belief: Belief

beforeEach(() => {
  now = 100
  heardAt = 50
  linked = false
  asked = []
  const presence = new Presence()
  relay = presence.from('relay-1')
  belief = new Belief({
    self: 'self',
    links: { best: () => (linked ? link : undefined) },
    presence,
    heardAt: () => heardAt,
    ask: of => asked.push(of),
    now: () => now,
  })
})

const reported = (kind: 'up' | 'down') =>
  relay.tell({ full: false, up: [], down: [], ...{ [kind]: ['ada'] } })

describe('Belief', () => {
  test('is that this member is online, one with a link is, and one whose relay says so', () => {
    expect([belief.isOnline('self'), belief.isOnline('ada')]).toEqual([true, false])
    reported('up')
    expect(belief.of('ada')).toEqual({ online: true, source: 'lease' })
    linked = true
    expect(belief.of('ada')).toEqual({ online: true, source: 'link' })
  })

  test('does not trust an idle link of a member that its relay reports offline, and asks it', () => {
    linked = true
    reported('up')
    reported('down')
    expect(belief.of('ada')).toEqual({ online: false, source: 'none' })
    expect(belief.link('ada')).toBeUndefined()
    expect(asked).toEqual([link])
  })

  test('trusts the link again when something was heard on it since, whatever the relay says', () => {
    linked = true
    reported('up')
    reported('down')
    heardAt = 101
    expect(belief.of('ada')).toEqual({ online: true, source: 'link' })
    heardAt = 0
    expect(belief.of('ada').online).toBe(true)
  })

  test('follows the relay when it reports the member online again, and stops at once', () => {
    linked = true
    reported('up')
    reported('down')
    reported('up')
    expect(belief.of('ada')).toEqual({ online: true, source: 'lease' })
    belief.stop()
    reported('down')
    expect(belief.of('ada')).toEqual({ online: true, source: 'link' })
  })
})
