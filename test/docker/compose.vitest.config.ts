import { defineConfig } from 'vitest/config'
import images from './vitest.config.ts'

/** `npm run test:compose`: a whole installation beside the images, so it takes minutes and runs each night. */
export default defineConfig({
  test: { ...images.test, name: 'compose', include: ['compose.test.ts'], exclude: [] },
})
