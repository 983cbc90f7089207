import { dirname, resolve } from 'node:path'
import { dts } from 'rollup-plugin-dts'

const isOurs = id => id.startsWith('.') || id.startsWith('/') || id.startsWith('@agent-mesh/')

/** The declarations of the library in one file an entry: those of `configEmitted`, a folder for each room, go to `configTo`. */
export default ({ configEmitted: emitted, configTo: to }) => ({
  input: {
    index: `${emitted}/agent/public.d.ts`,
    attach: `${emitted}/agent/gateway/index.d.ts`,
    testing: `${emitted}/agent/testing/index.d.ts`,
  },
  output: { dir: to, entryFileNames: '[name].d.ts', chunkFileNames: 'shared-[hash].d.ts' },
  external: id => !isOurs(id),
  // Rolled types name those that an entry does not export; TypeScript finds them where they are.
  onwarn: (warning, warn) => (warning.message.includes('no public re-export') ? undefined : warn(warning)),
  plugins: [
    {
      name: 'rooms',
      resolveId(id, from) {
        if (id.startsWith('.') && from !== undefined)
          return resolve(dirname(from), id.replace(/\.[jt]s$/, '.d.ts'))
        const [, room, ...path] = id.startsWith('@agent-mesh/') ? id.split('/') : []
        return room && `${emitted}/${room}/${path.join('/') || 'index'}.d.ts`
      },
    },
    dts(),
  ],
})
