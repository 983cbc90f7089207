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
    // `sleep` ends as a child that the process which took the place of the shell never waits for.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 30'])
    try {
      const [pid] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
      await waitUntil(
        'it ended',
        () => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
        10_000,
      )
      expect(usageOf(Number(pid))).toBeUndefined()
    } finally {
      parent.kill()
    }
  },
)
