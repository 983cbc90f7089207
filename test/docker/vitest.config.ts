import { defineConfig } from 'vitest/config'

/** `npm run test:docker`: builds the image and runs it in an engine, so it takes minutes and is no part of `npm test`. */
export default defineConfig({
  test: {
    name: 'docker',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    exclude: ['compose.test.ts'],
    globalSetup: './support/global-setup.ts',
    testTimeout: 120_000,
    hookTimeout: 300_000,
    reporters: ['default', '../support/summary-reporter.ts'],
    fileParallelism: false,
    sequence: { concurrent: false },
  },
})
