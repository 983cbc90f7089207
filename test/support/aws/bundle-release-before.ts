/** The Lambdas of the release before this one, built from its sources in the history of this repository. */
import { join } from 'node:path'
import { build } from 'esbuild'
import { unpackReleaseBefore } from '../release-before.ts'

/**
 * @param folder where sources and bundles are put
 * @returns folder that holds a folder a Lambda
 * @throws Error when the commit is not in the history: a shallow clone
 */
export async function bundleReleaseBefore(folder: string, names: readonly string[]): Promise<string> {
  await unpackReleaseBefore(folder, ['protocol', 'lambdas'])
  const outdir = join(folder, 'bundles')
  await build({
    absWorkingDir: folder,
    entryPoints: Object.fromEntries(
      names.map(name => [`${name}/index`, join(folder, 'lambdas', 'src', 'entry', `aws-${name}.ts`)]),
    ),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  })
  return outdir
}
