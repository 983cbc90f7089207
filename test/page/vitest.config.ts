import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { defineConfig } from 'vitest/config'

/** `npm run test:page`: the page in a real Chromium (Debian's package `chromium`, or CHROMIUM=PATH). */
export default defineConfig({
  test: {
    name: 'page',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    // In memory: 5,000 members are 15,000 transactions, and nothing of them is to be kept.
    env: { TMPDIR: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
    testTimeout: 300_000,
    hookTimeout: 600_000,
    reporters: ['default', '../support/summary-reporter.ts'],
    // What is measured in one would wait for the other.
    fileParallelism: false,
    sequence: { concurrent: false },
  },
})
