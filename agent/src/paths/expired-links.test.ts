import { beforeEach, describe, expect, test } from 'vitest'
import type { Link } from '../transport/links/link.ts'
import { ExpiredLinks } from './expired-links.ts'

let now: number
let retired: Link[]
let finish: (() => void)[]

beforeEach(() => {
  now = 1_000_000
  retired = []
  finish = []
})

/** A link whose peer's credential runs out at this time, unix seconds. */
const link = (exp: number) =>
  ({ state: 'up', peer: { credential: { exp } }, markRetiring() {} }) as unknown as Link

const sweeperOf = (...links: Link[]) =>
  new ExpiredLinks({
    links: { all: () => links },
    clock: { now: () => now },
    retire: gone => {
      retired.push(gone)
      return new Promise(resolve => finish.push(resolve))
    },
  })

describe('ExpiredLinks', () => {
  test('ends a link when its peer’s credential has run out, and leaves the others', () => {
    const [soon, later] = [link(1_060), link(2_000)]
    const sweeper = sweeperOf(soon, later)
    sweeper.sweep()
    expect(retired).toEqual([])
    now = 1_060_000
    sweeper.sweep()
    expect(retired).toEqual([soon])
  })

  test('ends a link once, however long its calls take to finish', () => {
    const sweeper = sweeperOf(link(1))
    sweeper.sweep()
    sweeper.sweep()
    expect(retired).toHaveLength(1)
  })

  test('waits, when it stops, for links that are ending', async () => {
    const sweeper = sweeperOf(link(1))
    sweeper.sweep()
    let stopped = false
    const stopping = sweeper.stop().then(() => (stopped = true))
    await Promise.resolve()
    expect(stopped).toBe(false)
    finish[0]?.()
    await stopping
  })
})
