import { describe, expect, it } from 'vitest'
import { ByteBudget } from './byte-budget.ts'

describe('ByteBudget', () => {
  it('has room until its own limit or that of the process is reached, whatever the last one takes', () => {
    const process = new ByteBudget(100)
    const [one, other] = [new ByteBudget(80, process), new ByteBudget(80, process)]
    expect(one.tryTake(70)).toBe(true)
    expect(other.tryTake(50)).toBe(true)
    expect([one.tryTake(1), other.tryTake(1), process.used]).toEqual([false, false, 120])
    one.give(30)
    expect([one.used, process.used, other.tryTake(5), one.hasRoom]).toEqual([40, 90, true, true])
  })

  it('wakes those that wait, on all links of the process in turn, until there is no more room', () => {
    const process = new ByteBudget(10)
    const links = Array.from({ length: 3 }, () => new ByteBudget(10, process))
    process.take(20)
    const woken: number[] = []
    const undo = links.map((link, i) =>
      link.whenRoom(() => {
        woken.push(i)
        link.take(10)
      }),
    )
    process.give(15)
    expect(woken).toEqual([0])
    links[0]?.give(10)
    expect(woken).toEqual([0, 1])
    undo[2]?.()
    links[1]?.give(10)
    expect(woken).toEqual([0, 1, 0])
  })
})
