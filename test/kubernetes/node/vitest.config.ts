import { defineConfig } from 'vitest/config'

/** `npm run test:nodes`: builds Kubernetes from Go modules at the first run and the image of the product, so it runs each night. */
export default defineConfig({
  test: {
    name: 'nodes',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    testTimeout: 900_000,
    // Go compiles 2,500 packages.
    hookTimeout: 5_400_000,
    reporters: ['default', '../../support/summary-reporter.ts'],
    fileParallelism: false,
    sequence: { concurrent: false },
  },
})
