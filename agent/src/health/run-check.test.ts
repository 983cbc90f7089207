import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { healthDefaults } from './defaults.ts'
import { runCheck } from './run-check.ts'

const { signal } = new AbortController()

test('a check that does not end in its time fails, and its signal aborts', async () => {
  let aborted = false
  const hang = (context: { signal: AbortSignal }) => {
    context.signal.addEventListener('abort', () => (aborted = true))
    return new Promise<void>(() => undefined)
  }
  expect(await runCheck(hang, 20, signal)).toEqual({ level: 'failing', reason: 'no result in 20 ms' })
  expect(aborted).toBe(true)
})

test('a check whose answer lay unread while the event loop was blocked passes', async () => {
  const read = async () => {
    const answer = readFile(import.meta.filename)
    const until = performance.now() + 2 * healthDefaults.lateMs + 200
    while (performance.now() < until);
    await answer
  }
  // Time enough to read a file beside other work, and less than the loop is blocked.
  expect(await runCheck(read, healthDefaults.lateMs, signal)).toEqual({ level: 'passing' })
})

test('a long reason is cut', async () => {
  const result = await runCheck(() => Promise.reject(new Error('x'.repeat(1_000))), 1_000, signal)
  expect(result?.reason).toHaveLength(healthDefaults.reasonChars)
})
