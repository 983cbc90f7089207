import { defineConfig } from 'vitest/config'

/** `npm run test:deploy`: deploy.sh at whole meshes, so it takes minutes and runs each night. */
export default defineConfig({
  test: {
    name: 'deploy',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ['default', '../support/summary-reporter.ts'],
    fileParallelism: false,
    sequence: { concurrent: false },
  },
})
