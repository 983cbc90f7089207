import { defineConfig } from 'vitest/config'

/** `npm run test:cluster`: builds the control plane of Kubernetes from Go modules at the first run, so it runs each night. */
export default defineConfig({
  test: {
    name: 'cluster',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    testTimeout: 900_000,
    // Go compiles 2,000 packages.
    hookTimeout: 5_400_000,
    reporters: ['default', '../../support/summary-reporter.ts'],
    fileParallelism: false,
    sequence: { concurrent: false },
  },
})
