import { defineConfig } from 'vitest/config'
import images from '../docker/vitest.config.ts'

/** `npm run test:deploy`: deploy.sh at whole meshes, so it takes minutes and runs each night. */
export default defineConfig({
  test: {
    ...images.test,
    name: 'deploy',
    root: import.meta.dirname,
    exclude: [],
    globalSetup: '../docker/support/global-setup.ts',
  },
})
