import type { ErrorCode } from '@agent-mesh/protocol'
import { describe, expect, it } from 'vitest'
import { patient } from '../testing/bulk-calls.ts'
import { linkPairs } from '../testing/link-pair.ts'
import { all, yielding } from '../testing/yielding.ts'
import { until } from '../../../../test/support/until.ts'

const failing = (code: ErrorCode) => expect.objectContaining({ code }) as unknown
const pairOf = linkPairs(patient)

describe('a stream', () => {
  it('ends with path_lost at both ends when its path is silent; calls wait', async () => {
    const reason = Promise.withResolvers<unknown>()
    const gate = Promise.withResolvers<string>()
    const endless = yielding(async function* (_, __, signal) {
      yield 'first'
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      reason.resolve(signal.reason)
    })
    const { caller, callee } = await pairOf(call =>
      call.stream === undefined ? gate.promise : endless(call),
    )
    const call = caller.call('a.plain', 0)
    const [mine, theirs] = [await caller.stream('a.wait', 0), await caller.stream('a.wait', 0)]
    await until(() => callee.stats.inbound === 3)
    callee.loseStreams()
    await expect(all(theirs.messages)).rejects.toEqual(failing('path_lost'))
    expect(await reason.promise).toEqual(failing('path_lost'))
    const another = await caller.stream('a.wait', 0)
    caller.loseStreams()
    await expect(all(mine.messages)).rejects.toEqual(failing('path_lost'))
    await expect(another.result).rejects.toEqual(failing('path_lost'))
    gate.resolve('answer')
    expect(await call).toBe('answer')
    await until(() => callee.stats.inbound === 0)
  })
})
