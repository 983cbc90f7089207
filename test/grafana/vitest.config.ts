import { defineConfig } from 'vitest/config'

/** `npm run test:grafana`: builds a program in Go, so it runs each night. */
export default defineConfig({
  test: {
    name: 'grafana',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 900_000,
    reporters: ['default', '../support/summary-reporter.ts'],
  },
})
