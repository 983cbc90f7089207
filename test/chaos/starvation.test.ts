import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { waitUntil } from '../nat-lab/until.ts'
import { Starvation } from './starvation.ts'

const isLinux = process.platform === 'linux'

test.runIf(isLinux)('of two processes that both want one processor, one waits', async () => {
  const busy = ['-c', 'exec taskset -c 0 sh -c "while :; do :; done"']
  const pair = [spawn('/bin/sh', busy), spawn('/bin/sh', busy)]
  const starvation = new Starvation()
  try {
    expect(starvation.look(pair[0]?.pid)).toBe(0)
    let waited = 0
    await waitUntil('it waited', () => (waited += starvation.look(pair[0]?.pid)) > 100, 20_000)
  } finally {
    for (const each of pair) each.kill('SIGKILL')
  }
})

test.runIf(isLinux)('another process is looked at anew, and one that ended waits for nothing', async () => {
  const starvation = new Starvation()
  starvation.look(process.pid)
  const other = spawn('/bin/sleep', ['30'])
  await once(other, 'spawn')
  expect(starvation.look(other.pid)).toBe(0)
  other.kill('SIGKILL')
  await once(other, 'exit')
  expect(starvation.look(other.pid)).toBe(0)
  expect(starvation.look(undefined)).toBe(0)
})
