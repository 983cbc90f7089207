import { MeshError } from '@agent-mesh/protocol'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Link } from '../transport/links/link.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import { bareLink, bareTable } from '../transport/testing/bare-links.ts'
import { Belief } from './belief.ts'
import { Presence, type PresenceSource } from './presence.ts'
import { Verdicts } from './verdicts.ts'

let now: number
let heardAt: number
let links: LinkTable
let link: Link
let told: (string | undefined)[]
let asked: Link[]
let relay: PresenceSource
let belief: Belief
let verdicts: Verdicts

beforeEach(() => {
  now = 100
  heardAt = 50
  links = bareTable()
  link = bareLink({ peerId: 'ada' })
  told = []
  asked = []
  const onError = (error: unknown) => {
    throw error
  }
  const presence = new Presence(onError)
  relay = presence.from('relay-1')
  verdicts = new Verdicts(() => now, onError)
  belief = new Belief({
    self: 'self',
    links,
    presence,
    verdicts,
    heardAt: () => heardAt,
    ask: of => asked.push(of),
    now: () => now,
    onError,
  })
  belief.onChange(peerId => told.push(peerId))
})

const reported = (kind: 'up' | 'down') =>
  relay.tell({ full: false, up: [], down: [], ...{ [kind]: ['ada'] } })

describe('Belief', () => {
  test('is that this member is online, one with a link is, and one whose relay says so', () => {
    expect([belief.isOnline('self'), belief.isOnline('ada')]).toEqual([true, false])
    reported('up')
    expect(belief.of('ada')).toEqual({ online: true, source: 'lease' })
    links.add(link)
    expect(belief.of('ada')).toEqual({ online: true, source: 'link' })
  })

  test('does not trust an idle link of a member that its relay reports offline, and asks it', () => {
    links.add(link)
    reported('up')
    reported('down')
    expect(belief.of('ada')).toEqual({ online: false, source: 'none' })
    expect(belief.link('ada')).toBeUndefined()
    expect(asked).toEqual([link])
  })

  test('trusts the link again when something was heard on it since, whatever the relay says', () => {
    links.add(link)
    reported('up')
    reported('down')
    heardAt = 101
    expect(belief.of('ada')).toEqual({ online: true, source: 'link' })
    heardAt = 0
    expect(belief.of('ada').online).toBe(true)
  })

  test('follows the relay when it reports the member online again, and stops at once', () => {
    links.add(link)
    reported('up')
    reported('down')
    reported('up')
    expect(belief.of('ada')).toEqual({ online: true, source: 'lease' })
    belief.stop()
    reported('down')
    expect(belief.of('ada')).toEqual({ online: true, source: 'link' })
  })

  test('tells whom it changed of: by a link, by a report of many, by a dial that failed', () => {
    reported('up')
    expect(told).toEqual([undefined])
    links.add(link)
    links.suspect(link)
    links.trust(link)
    links.leaving(link)
    belief.doubt('ben')
    expect(told.slice(1)).toEqual(['ada', 'ada', 'ada', 'ada', 'ben'])
    belief.stop()
    links.add(bareLink({ peerId: 'cleo' }))
    expect(told).toHaveLength(6)
  })

  test('doubts a member that was not reached, until its doubt ends or it has a link', () => {
    reported('up')
    expect(belief.standing('ada')).toBe('good')
    belief.doubt('ada')
    expect([belief.standing('ada'), belief.of('ada').online]).toEqual(['doubtful', true])
    links.add(link)
    expect(belief.standing('ada')).toBe('good')
    links.suspect(link)
    expect(belief.standing('ada')).toBe('doubtful')
    belief.doubt('ben')
    expect(belief.standing('ben')).toBe('offline')
  })

  test('doubts a member whose only link fell silent, and not one whose link ended otherwise', async () => {
    reported('up')
    links.add(link)
    link.abort(new MeshError('path_lost', 'Cannot keep the link: no sign of life'))
    await vi.waitUntil(() => belief.standing('ada') === 'doubtful', { timeout: 30_000, interval: 1 })
    reported('down')
    const other = bareLink({ peerId: 'ben' })
    relay.tell({ full: false, up: ['ben'], down: [] })
    links.add(other)
    other.abort(new MeshError('going_away', 'Cannot keep the link: its peer leaves'))
    await vi.waitUntil(() => links.best('ben') === undefined, { timeout: 30_000, interval: 1 })
    expect(belief.standing('ben')).toBe('good')
  })
})

describe('Belief with the verdicts of failure detection', () => {
  test('believes a member online that showed itself to others, until it closes its links or a relay reports it', () => {
    verdicts.tell('ada', 'alive')
    expect([belief.of('ada'), belief.standing('ada')]).toEqual([{ online: true, source: 'swim' }, 'good'])
    verdicts.suspect('ada', 'closed')
    expect(belief.isOnline('ada')).toBe(false)
    verdicts.suspect('ada', undefined)
    reported('up')
    reported('down')
    expect(belief.isOnline('ada')).toBe(false)
  })

  test('believes one online whose link stands, though it is suspected: only the verdict counts', () => {
    links.add(link)
    verdicts.tell('ada', 'alive')
    verdicts.suspect('ada', 'silent')
    links.suspect(link)
    expect(belief.of('ada')).toEqual({ online: true, source: 'swim' })
    verdicts.tell('ada', 'dead')
    expect(belief.of('ada')).toEqual({ online: false, source: 'swim' })
    expect(belief.standing('ada')).toBe('offline')
  })

  test('doubts a member without a link that is silent, and believes it online: it may be slow', () => {
    verdicts.tell('ada', 'alive')
    verdicts.suspect('ada', 'silent')
    expect([belief.of('ada'), belief.standing('ada')]).toEqual([{ online: true, source: 'swim' }, 'doubtful'])
    verdicts.tell('ada', 'dead')
    expect(belief.standing('ada')).toBe('offline')
  })

  test('does not trust an idle link of a member that is judged dead, and asks it', () => {
    links.add(link)
    verdicts.tell('ada', 'dead')
    expect([belief.isOnline('ada'), asked]).toEqual([false, [link]])
    heardAt = 101
    expect(belief.of('ada')).toEqual({ online: true, source: 'link' })
  })

  test('lets a lease that goes on for 30 s outweigh a death, and nothing a farewell', () => {
    reported('up')
    verdicts.tell('ada', 'dead')
    expect(belief.isOnline('ada')).toBe(false)
    now += 30_000
    expect(belief.of('ada')).toEqual({ online: true, source: 'lease' })
    verdicts.tell('ada', 'left')
    now += 30_000
    expect(belief.of('ada')).toEqual({ online: false, source: 'swim' })
  })
})
