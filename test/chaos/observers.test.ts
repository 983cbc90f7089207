import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { waitUntil } from '../nat-lab/until.ts'
import { readFileSync } from 'node:fs'
import { usageOf } from './observers.ts'

test.skipIf(process.platform !== 'linux')(
  'a process that ended and was not waited for uses nothing',
  async () => {
    const parent = spawn('/bin/sh', ['-c', 'sleep 30 & echo $!; exec sleep 30'])
    try {
      const [pid] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
      // What took the place of the shell never waits for its child; the shell itself may do so.
      const isReplaced = () => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n'
      await waitUntil('the shell was replaced', isReplaced, 20_000)
      process.kill(Number(pid))
      await waitUntil(
        'it ended',
        () => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
        20_000,
      )
      expect(usageOf(Number(pid))).toBeUndefined()
    } finally {
      parent.kill()
    }
  },
)
