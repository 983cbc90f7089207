import { defineConfig } from 'vitest/config'

/** `npm run test:mcp`: the conformance suite of the Model Context Protocol and a client of another SDK, against the real parts. */
export default defineConfig({
  test: {
    name: 'mcp',
    include: ['test/mcp/*.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    reporters: ['default', 'test/support/summary-reporter.ts'],
    fileParallelism: false,
  },
})
