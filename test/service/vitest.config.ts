import { defineConfig } from 'vitest/config'

/** `npm run test:service`: services of the command under a systemd that boots beside this machine's. Linux, root, systemd-nspawn. */
export default defineConfig({
  test: {
    name: 'service',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 300_000,
    reporters: ['default', '../support/summary-reporter.ts'],
    fileParallelism: false,
    sequence: { concurrent: false },
  },
})
