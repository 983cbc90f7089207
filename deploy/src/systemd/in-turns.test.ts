import { expect, test } from 'vitest'
import { inTurns } from './in-turns.ts'

test('works at so many at the same time, and at all of them', async () => {
  const done: number[] = []
  let [running, most] = [0, 0]
  await inTurns([1, 2, 3, 4, 5], 2, async item => {
    most = Math.max(most, ++running)
    await Promise.resolve()
    running--
    done.push(item)
  })
  expect([done, most]).toEqual([[1, 2, 3, 4, 5], 2])
})

test('begins no more after a failure, and has ended what was begun when it tells it', async () => {
  const second = Promise.withResolvers<void>()
  const ended: number[] = []
  const all = inTurns([1, 2, 3, 4], 2, async item => {
    if (item === 1) throw new Error('1 failed')
    await second.promise
    ended.push(item)
  })
  const failure = expect(all).rejects.toThrow('1 failed')
  second.resolve()
  await failure
  expect(ended).toEqual([2])
})
