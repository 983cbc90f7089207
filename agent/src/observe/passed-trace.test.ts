import { expect, test } from 'vitest'
import { passedTrace, runWithinTrace } from './passed-trace.ts'

const fields = { trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), flags: 1 } }
const turn = () => new Promise(resolve => setImmediate(resolve))

test('work is a part of the trace until it has ended', async () => {
  expect(passedTrace()).toBeUndefined()
  const seen = await runWithinTrace(fields, async () => {
    await turn()
    return passedTrace()
  })
  expect([seen, passedTrace()]).toEqual([fields, undefined])
})

test.each([
  ['has ended', () => turn()],
  ['has failed', () => turn().then(() => Promise.reject(new Error('failed')))],
  ['has returned at once', () => undefined],
])('what work that %s leaves running is in no trace', async (_, work) => {
  const ended = Promise.withResolvers<void>()
  const left = Promise.withResolvers<unknown>()
  const result = runWithinTrace(fields, () => {
    void ended.promise.then(turn).then(() => left.resolve(passedTrace()))
    return work()
  })
  await Promise.resolve(result).catch(() => undefined)
  ended.resolve()
  expect(await left.promise).toBeUndefined()
})

test('work without a trace is in none, also within other work', async () => {
  const seen = await runWithinTrace(fields, async () => {
    await turn()
    return [runWithinTrace({}, passedTrace), passedTrace()]
  })
  expect(seen).toEqual([undefined, fields])
})
