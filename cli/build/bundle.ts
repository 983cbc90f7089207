import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { writePage } from './bundle-page.ts'

/** CommonJS packages inside the ESM bundle still call `require`. */
export const banner =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/** An `import` of one of Node's libraries as CommonJS: an export is read when it is used, the library loaded when the module runs. */
const onDemand = (library: string): Plugin => ({
  name: `${library}-on-demand`,
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^(node:)?${library}$`) }, ({ kind }) =>
      kind === 'require-call'
        ? { path: `node:${library}`, external: true }
        : { path: library, namespace: `${library}-on-demand` },
    )
    onLoad({ filter: /./, namespace: `${library}-on-demand` }, () => ({
      contents: `module.exports = require('node:${library}')`,
    }))
  },
})

/** One of its exports is the WebSocket of the Web: an `import`, which reads each, loads a library that takes 12 MB. */
export const httpOnDemand = onDemand('http')

/** A Node that does not have it refuses a module that imports it before any code can say which Node is needed. */
export const sqliteOnDemand = onDemand('sqlite')

/**
 * Libp2p's peer store sorts addresses and protocols, in ASCII, so that equal sets compare equal: any order will do. The
 * order of a language loads its tables (3 MB).
 */
export const sortedByCode: Plugin = {
  name: 'sorted-by-code',
  setup({ onLoad }) {
    const collated = /([\w.]+(?:\.toString\(\))?)\.localeCompare\(([\w.]+(?:\.toString\(\))?)\)/g
    onLoad({ filter: /@libp2p\/peer-(store|record)\/dist\/src\/.*\.js$/ }, async ({ path }) => {
      const contents = (await readFile(path, 'utf8')).replace(collated, '($1 < $2 ? -1 : $1 > $2 ? 1 : 0)')
      const errors = contents.includes('localeCompare') ? [{ text: `localeCompare is left in ${path}` }] : []
      return { contents, errors }
    })
  },
}

/**
 * Bundles the command into `outdir`, a chunk for each lazily imported part, so that `agent-mesh --help` loads next
 * to nothing. Identifiers are kept, so names in stacks and errors are those of the source; esbuild's `keepNames` would define
 * each of them anew, and make an object of its own of every function (3 MB).
 */
export async function bundleCommand(
  root: string,
  outdir: string,
  { target = common.target, plugins = [] }: Pick<BuildOptions, 'target' | 'plugins'> = {},
): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      main: join(root, 'cli/src/main.ts'),
      // For the modules of `up --serve`: see cli/src/daemon/provided-packages.ts.
      'provided/agent': join(root, 'agent/src/index.ts'),
    },
    outdir,
    ...common,
    target,
    metafile: true,
    splitting: true,
    mainFields: ['module', 'main'],
    legalComments: 'linked',
    banner: { js: banner },
    external: ['*.node'],
    plugins: [httpOnDemand, sortedByCode, ...plugins],
  })
  await Promise.all(Object.keys(metafile.outputs).map(path => dropIdleBanner(resolve(root, path))))
  await bundleSchemaLibrary(root, join(outdir, 'provided'))
  await writePage(root, join(outdir, 'page'))
  await cp(join(root, 'cli/proto'), join(outdir, 'proto'), { recursive: true })
  return metafile
}

/** One chunk in ten calls `require`; to make one takes the start of each of the others a look at its path. */
async function dropIdleBanner(path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  const rest = text.slice(banner.length + 1)
  if (text.startsWith(banner) && !/\brequire\b/.test(rest)) await writeFile(path, rest)
}

/** Apart from the command, which uses a tenth of it: shared code would be loaded by each start. */
async function bundleSchemaLibrary(root: string, outdir: string): Promise<void> {
  const zod = join(root, 'node_modules/zod')
  const entryPoints = { zod: join(zod, 'index.js'), 'zod-mini': join(zod, 'mini/index.js') }
  await build({ absWorkingDir: root, entryPoints, outdir, ...common })
}

export const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'error',
} as const satisfies BuildOptions
