import { defineConfig } from 'vitest/config'

/** `npm run test:release`: two releases are built, published to a registry of this machine, installed and run. */
export default defineConfig({
  test: {
    include: ['test/release/**/*.test.ts'],
    globalSetup: 'test/release/support/build-releases.ts',
    reporters: ['default', './test/support/summary-reporter.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
})
