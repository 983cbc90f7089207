import { expect, it } from 'vitest'

import { RecentLog } from './recent-log.ts'

const never = new AbortController().signal

async function readAll(log: RecentLog, lines: number): Promise<string[]> {
  const all: string[] = []
  for await (const line of log.read({ lines, follow: false }, never)) all.push(line)
  return all
}

it('keeps the newest thousand lines, and no more characters than it has room for', async () => {
  const log = new RecentLog()
  for (let n = 0; n < 1_500; n++) log.add(`${n}`)
  expect(await readAll(log, 2)).toEqual(['1498', '1499'])
  expect(await readAll(log, 5_000)).toHaveLength(1_000)
  for (let n = 0; n < 10; n++) log.add('x'.repeat(100_000))
  expect(await readAll(log, 5_000)).toHaveLength(5)
  log.add('y'.repeat(1_000_000))
  expect((await readAll(log, 5_000)).map(line => line.length)).toEqual([1_000_000])
})

it('tells a reader that is slower than the log how many lines it has lost', async () => {
  const log = new RecentLog()
  log.add('first')
  const reading = log.read({ lines: 10, follow: true }, never)
  expect((await reading.next()).value).toBe('first')
  for (let n = 0; n < 1_200; n++) log.add(`${n}`)
  expect((await reading.next()).value).toMatch(/^200 lines are lost here/)
  expect((await reading.next()).value).toBe('200')
  await reading.return()
})
