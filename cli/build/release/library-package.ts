/** `@agent-mesh/agent`: its code and protocol/ bundled, so that nothing of React Native comes with it, and types in one piece. */
import { build, type Metafile } from 'esbuild'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { banner, common, httpOnDemand, sortedByCode, sqliteOnDemand } from '../bundle.ts'
import { compileRooms } from '../compile.ts'
import { nativeWebRtc, readManifest, type Manifest } from '../manifest.ts'
import { publicFields, writePackage } from './package-files.ts'
import { nodeCheck } from './node-check.ts'
import { runTool } from './tools.ts'
import { versionPlugin } from './version-plugin.ts'

/** Names in `exports`, and the sources behind them. */
const entries = {
  index: 'agent/src/public.ts',
  attach: 'agent/src/gateway/index.ts',
  testing: 'agent/src/testing/index.ts',
}

/** Writes the package into `to`, which exists and is empty. */
export async function buildLibrary(root: string, to: string, version: string): Promise<Metafile> {
  const metafile = await bundle(root, to, version)
  await rollTypes(root, join(to, 'types'))
  for (const name of Object.keys(entries))
    await writeFile(join(to, `${name}.js`), `import './node-check.js'\nexport * from './lib/${name}.js'\n`)
  await writeFile(join(to, 'node-check.js'), nodeCheck('@agent-mesh/agent'))
  await writePackage(root, to, 'agent-library.md', await manifest(root, to, version))
  return metafile
}

async function bundle(root: string, to: string, version: string): Promise<Metafile> {
  const { metafile } = await build({
    ...common,
    absWorkingDir: root,
    entryPoints: entries,
    outdir: join(to, 'lib'),
    target: 'node22',
    // An uncaught error shows the line that threw it.
    minifyWhitespace: false,
    splitting: true,
    mainFields: ['module', 'main'],
    legalComments: 'linked',
    banner: { js: banner },
    external: ['*.node'],
    metafile: true,
    plugins: [httpOnDemand, sqliteOnDemand, sortedByCode, versionPlugin(version)],
  })
  return metafile
}

async function rollTypes(root: string, to: string): Promise<void> {
  const emitted = await mkdtemp(join(root, 'node_modules', '.cache-types-'))
  try {
    await compileRooms(root, ['protocol', 'agent'], room => join(emitted, room))
    const config = join(import.meta.dirname, 'types.config.js')
    await runTool('rollup', ['-c', config, '--configEmitted', emitted, '--configTo', to, '--silent'])
  } finally {
    await rm(emitted, { recursive: true, force: true })
  }
}

async function manifest(root: string, to: string, version: string): Promise<Manifest> {
  const agent = await readManifest(root, 'agent')
  const entry = (name: string) => ({ types: `./types/${name}.d.ts`, default: `./${name}.js` })
  return {
    ...publicFields(agent, version),
    keywords: ['rpc', 'mesh', 'p2p', 'services', 'libp2p', 'nat-traversal'],
    exports: {
      '.': entry('index'),
      './attach': entry('attach'),
      './testing': entry('testing'),
      './package.json': './package.json',
    },
    sideEffects: ['./node-check.js', './lib/**'],
    dependencies: await namedInTypes(join(to, 'types'), agent.dependencies ?? {}),
    optionalDependencies: await nativeWebRtc(root),
    peerDependencies: agent['peerDependencies'],
    peerDependenciesMeta: agent['peerDependenciesMeta'],
  }
}

/** The packages whose types those of the library name; their code is in the bundle. */
async function namedInTypes(folder: string, known: Record<string, string>): Promise<Record<string, string>> {
  const files = (await readdir(folder)).filter(name => name.endsWith('.d.ts'))
  const texts = await Promise.all(files.map(name => readFile(join(folder, name), 'utf8')))
  const specifiers = texts.flatMap(text => [...text.matchAll(/(?:from|import) '([^.'][^']*)'/g)])
  const names = new Set(specifiers.map(([, id = '']) => /^(@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? id))
  const packages = [...names]
    .filter(name => !name.startsWith('node:') && name !== '@opentelemetry/api')
    .sort()
  return Object.fromEntries(
    packages.map(name => {
      const range = known[name]
      if (range === undefined)
        throw new Error(`Cannot release: types name ${name}, no dependency of the agent`)
      return [name, range]
    }),
  )
}
