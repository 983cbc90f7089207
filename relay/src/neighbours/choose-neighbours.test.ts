import { describe, expect, test } from 'vitest'
import { chooseNeighbours } from './choose-neighbours.ts'

const relays = (region: string | undefined, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    peerId: `${region ?? 'none'}-${i}`,
    name: `r${i}`,
    addrs: [],
    ...(region === undefined ? {} : { region }),
  }))

const regionsOf = (chosen: { region?: string | undefined }[]) =>
  Object.fromEntries(
    [...Map.groupBy(chosen, ({ region }) => region ?? 'none')].map(([name, all]) => [name, all.length]),
  )

describe('chooseNeighbours()', () => {
  test('takes all relays of a small region and two of each other one', () => {
    const all = [...relays('eu', 5), ...relays('us', 5), ...relays('asia', 1)]
    const chosen = chooseNeighbours(all, 'eu-0')
    expect(regionsOf(chosen)).toEqual({ eu: 4, us: 2, asia: 1 })
    expect(chosen.map(({ peerId }) => peerId)).not.toContain('eu-0')
  })

  test('takes at most 16 of its own region', () => {
    expect(chooseNeighbours(relays('eu', 40), 'eu-0')).toHaveLength(16)
  })

  test('treats relays without a region as one region', () => {
    expect(chooseNeighbours(relays(undefined, 4), 'none-0')).toHaveLength(3)
  })

  test('spreads the links to another region over its relays', () => {
    const all = [...relays('eu', 20), ...relays('us', 4)]
    const taken = relays('eu', 20).flatMap(({ peerId }) =>
      chooseNeighbours(all, peerId).filter(({ region }) => region === 'us'),
    )
    expect(new Set(taken.map(({ peerId }) => peerId)).size).toBe(4)
  })
})
