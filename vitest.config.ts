import { defineConfig } from 'vitest/config'

const shared = { testTimeout: 30_000, hookTimeout: 30_000 }

export default defineConfig({
  test: {
    coverage: {
      provider: 'v8',
      include: ['protocol/src/**', 'agent/src/**', 'relay/src/**', 'lambdas/src/**', 'cli/src/**'],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'html'],
    },
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['{protocol,agent,relay,lambdas,cli,infra}/**/*.test.ts'],
        },
      },
      { test: { ...shared, name: 'crossing', include: ['test/{compliance,integration,house}/**/*.test.ts'] } },
      { test: { ...shared, name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 120_000 } },
    ],
  },
})
