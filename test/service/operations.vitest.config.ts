import { defineConfig } from 'vitest/config'
import service from './vitest.config.ts'

/** `npm run test:operations`: as test:service, over more boots, so it runs each night. */
export default defineConfig({
  test: { ...service.test, name: 'operations', include: ['operations/*.test.ts'], testTimeout: 300_000 },
})
