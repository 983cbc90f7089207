import type { Plugin } from 'esbuild'

/** The released version in place of the checkout's. */
export const versionPlugin = (version: string): Plugin => ({
  name: 'version',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]protocol[\\/]src[\\/]version\.ts$/ }, () => ({
      contents: `export const version = ${JSON.stringify(version)}`,
    }))
  },
})
