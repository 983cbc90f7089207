import { defineConfig } from 'vitest/config'

/** `npm run test:proxy`: 10,000 connections at the proxy of a gateway, so it runs each night. */
export default defineConfig({
  test: {
    name: 'proxy',
    include: ['test/proxy/*.test.ts'],
    testTimeout: 1_200_000,
    hookTimeout: 120_000,
    reporters: ['default', 'test/support/summary-reporter.ts'],
  },
})
