import { defineConfig } from 'vitest/config'

/** `npm run test:site`: the built site in a real Chromium; one page after the other, as it has one browser. */
export default defineConfig({
  test: {
    name: 'site',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['default', '../../test/support/summary-reporter.ts'],
  },
})
