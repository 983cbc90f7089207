import { defineConfig } from 'vitest/config'

/** `npm run test:aws`: deploys to an emulator, so it takes minutes and is no part of `npm test`. */
export default defineConfig({
  test: {
    name: 'aws',
    root: import.meta.dirname,
    include: ['*.test.ts', 'foreign-app/*.test.ts', '../../cli/src/aws/*.aws.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 300_000,
    reporters: ['default', './support/shown-reporter.ts', '../support/summary-reporter.ts'],
    fileParallelism: false,
    sequence: { concurrent: false },
  },
})
