import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'

import { refusal } from '../../../test/support/refusal.ts'
import { UploadTurns } from './upload-turns.ts'

it('has one try at a time, the last that its caller began, also when several waited', async () => {
  const turns = new UploadTurns()
  let running = 0
  let most = 0
  const save = async (signal: AbortSignal, isLast: boolean): Promise<string> => {
    most = Math.max(most, ++running)
    try {
      for (let n = 0; !isLast || n < 3; n++) {
        await setImmediate()
        signal.throwIfAborted()
      }
      return 'saved'
    } finally {
      // The end takes its time, too: a file is closed.
      await setImmediate()
      running--
    }
  }
  const tries = Array.from({ length: 5 }, (_, n) => turns.take('f', 'a', signal => save(signal, n === 4)))
  const ended = await Promise.all(tries.map(each => refusal(each)))
  expect(ended.slice(0, 4)).toEqual(Array(4).fill('cancelled: its caller has begun again'))
  expect(await tries[4]).toBe('saved')
  expect(most).toBe(1)
})

it('refuses another member, and no other file', async () => {
  const turns = new UploadTurns()
  const held = Promise.withResolvers<string>()
  const first = turns.take('f', 'a', () => held.promise)
  expect(await refusal(turns.take('f', 'b', () => Promise.resolve('x')))).toMatch(/^conflict: another member/)
  expect(await turns.take('g', 'b', () => Promise.resolve('x'))).toBe('x')
  held.resolve('first')
  expect(await first).toBe('first')
  expect(await turns.take('f', 'b', () => Promise.resolve('x'))).toBe('x')
})
