import { describe, expect, it } from 'vitest'
import { allPairs, expectedPaths, pairName } from './expected-paths.ts'

const relayMayStay = allPairs.filter(({ a, b }) => expectedPaths(a, b).includes('relay')).map(pairName)

describe('expectedPaths()', () => {
  it('covers each unordered pair of the eight kinds once', () => {
    expect(new Set(allPairs.map(pairName)).size).toBe(36)
  })

  it('lets a relay stay where a side has port 443 alone, or a symmetric one meets one that lets in only who was sent to', () => {
    const names = relayMayStay.filter(name => !/tcp-443|http-proxy/.test(name))
    expect(names).toEqual([
      'cone/symmetric',
      'symmetric/symmetric',
      'symmetric/udp-dropped',
      'symmetric/double-nat',
    ])
    expect(relayMayStay).toHaveLength(19)
  })

  it('wants TCP punched where UDP is dropped', () => {
    expect(expectedPaths('cone', 'udp-dropped')).toEqual(['direct'])
    expect(expectedPaths('udp-dropped', 'udp-dropped')).toEqual(['direct'])
  })

  it('says the same whichever side is named first', () => {
    for (const { a, b } of allPairs) expect(expectedPaths(b, a)).toEqual(expectedPaths(a, b))
  })
})
