import { expect, it } from 'vitest'
import { failuresOf, judgeRun, overheads, relayWait, type CallRecord } from './judge-run.ts'

const call = (id: string, more: Partial<CallRecord> = {}): CallRecord => ({
  ...{ id, method: 'book', caller: 'direct', asked: 10, took: 12 },
  ...more,
})

const failure = { code: 'path_lost', message: 'the link is closed' }

it('counts what failed, and what was executed twice though it must not be', () => {
  const records = [call('a'), call('b', { failure }), call('c'), call('d', { method: 'look' })]
  const executions = new Map([
    ['a', 1],
    ['c', 2],
    ['d', 2],
  ])
  expect(judgeRun(records, executions)).toEqual({ calls: 4, failed: 1, doubled: 1 })
})

it('says how long calls waited beyond what was asked', () => {
  const records = Array.from({ length: 101 }, (_, i) => call(String(i), { asked: 1_000, took: 1_000 + i }))
  expect(overheads(records)).toEqual({ p50: 50, p99: 99, max: 100 })
  expect(overheads([])).toEqual({ p50: 0, p99: 0, max: 0 })
})

it('counts as wait for another relay what relayed calls waited beyond twice direct ones', () => {
  const waited = (caller: string, ms: number) =>
    Array.from({ length: 101 }, (_, i) => call(String(i), { caller, asked: 0, took: ms }))
  expect(relayWait([...waited('relayed', 900), ...waited('direct', 100)])).toBe(700)
  expect(relayWait(waited('relayed', 900))).toBe(900)
})

it('names each kind of failure once, the most frequent first', () => {
  const other = call('c', { failure: { code: 'unavailable', message: 'no provider' } })
  expect(failuresOf([other, call('a', { failure }), call('b', { failure }), call('d')])).toEqual([
    '2 x direct book: path_lost: the link is closed',
    '1 x direct book: unavailable: no provider',
  ])
})
