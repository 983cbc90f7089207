import { defineConfig } from 'vitest/config'

/** `npm run test:grpc` and `npm run test:conformance`: clients of other languages, and the conformance suite of Connect. */
export default defineConfig({
  test: {
    name: 'grpc',
    include: ['test/grpc/*.test.ts'],
    testTimeout: 600_000,
    // The tools in Go take minutes to build, once.
    hookTimeout: 2_400_000,
    reporters: ['default', 'test/support/summary-reporter.ts'],
    fileParallelism: false,
  },
})
