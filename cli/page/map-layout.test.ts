import { expect, test } from 'vitest'

import type { MemberRow } from '../src/page/member-row.ts'
import { layoutOf, mapReach, type Place } from './map-layout.ts'

const row = (kind: string, name: string, at?: string): MemberRow => ({
  ...{ peerId: `id-${name}`, name, kind, state: 'online', roles: [kind], tags: [], services: [], at },
})
const relays = ['r1', 'r2', 'r3'].map(name => row('relay', name))
const agents = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    row('agent', `a${i}`, i % 4 === 3 ? undefined : `id-r${(i % 4) + 1}`),
  )
const distance = ({ x, y }: Place) => Math.hypot(x, y)

test('relays stand inside, agents around them, each in the sector of its home', () => {
  const { relays: inner, agents: outer } = layoutOf([...relays, ...agents(40)])
  expect(inner.map(place => Math.round(distance(place)))).toEqual([150, 150, 150])
  expect(Math.min(...outer.map(distance))).toBeGreaterThan(200)
  const angle = ({ x, y }: Place) => (Math.atan2(y, x) + 2.5 * Math.PI) % (2 * Math.PI)
  const rangeOf = (at: string | undefined) => {
    const angles = outer.filter(place => place.row.at === at).map(angle)
    return [Math.min(...angles), Math.max(...angles)] as const
  }
  const sectors = ['id-r1', 'id-r2', 'id-r3', undefined].map(rangeOf)
  for (const [i, [from]] of sectors.entries()) if (i > 0) expect(from).toBeGreaterThan(sectors[i - 1]![1])
})

test('the same members have the same places, in whatever order they come', () => {
  const rows = [...relays, ...agents(50)]
  expect(layoutOf(rows.toReversed())).toEqual(layoutOf(rows))
})

test('5,000 agents fit, and no two stand on each other', () => {
  const { agents: places } = layoutOf([...relays, ...agents(5_000)])
  expect(new Set(places.map(({ row: { peerId } }) => peerId)).size).toBe(5_000)
  expect(new Set(places.map(({ x, y }) => `${x} ${y}`)).size).toBe(5_000)
  expect(Math.max(...places.map(distance))).toBeLessThanOrEqual(mapReach)
})

test.each([
  [[]],
  [agents(1)],
  [relays],
  [[row('admin', 'boss'), { ...row('agent', 'x'), state: 'revoked' }]],
])('draws few, and neither admins nor revoked members: %#', rows => {
  const { relays: inner, agents: outer } = layoutOf(rows)
  expect(inner.length + outer.length).toBe(
    rows.filter(({ kind, state }) => kind !== 'admin' && state !== 'revoked').length,
  )
  for (const { x, y } of [...inner, ...outer]) expect(Number.isFinite(x + y)).toBe(true)
})
