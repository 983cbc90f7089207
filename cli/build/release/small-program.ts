/**
 * `small-program.ts FILE VERSION [NODE] [FIRST]`: the command as one small file that NODE runs, for tests of upgrades; a single file
 * with Node inside takes a minute. FIRST is JavaScript that runs before it, to break it.
 */
import { build } from 'esbuild'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'

import { banner, common } from '../bundle.ts'
import { versionPlugin } from './version-plugin.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const [file = '', version = '', node = process.execPath, first = ''] = process.argv.slice(2)
await build({
  absWorkingDir: root,
  entryPoints: [join(root, 'cli/src/main.ts')],
  outfile: file,
  ...common,
  mainFields: ['module', 'main'],
  banner: { js: `#!${node}\n${banner}${first}` },
  external: ['*.node'],
  plugins: [versionPlugin(version)],
})
await chmod(file, 0o755)
