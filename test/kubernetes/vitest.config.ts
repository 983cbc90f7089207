import { defineConfig } from 'vitest/config'

/** `npm run test:kubernetes`: installs Helm, kubectl and tools in Python, so it is no part of `npm test`. */
export default defineConfig({
  test: {
    name: 'kubernetes',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ['default', '../support/summary-reporter.ts'],
    fileParallelism: false,
  },
})
