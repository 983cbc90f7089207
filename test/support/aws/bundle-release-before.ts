/** The Lambdas of the release before this one, built from its sources in the history of this repository. */
import { execFile } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'

/** A rollout goes from it to this one, and may go back. To be set to the commit of each release once that is out. */
export const releaseBefore = '41d814e3aa90fc0d43a5e4d2cb011d4d6d5e6f87'

const root = join(import.meta.dirname, '..', '..', '..')
const run = promisify(execFile)

/**
 * @param folder where sources and bundles are put
 * @returns folder that holds a folder a Lambda
 * @throws Error when the commit is not in the history: a shallow clone
 */
export async function bundleReleaseBefore(folder: string, names: readonly string[]): Promise<string> {
  const archive = join(folder, 'sources.tar')
  await run('git', ['archive', '--output', archive, releaseBefore, 'protocol', 'lambdas'], {
    cwd: root,
  }).catch((cause: unknown) => {
    throw new Error(`Cannot build the release before: commit ${releaseBefore} is not there`, { cause })
  })
  await run('tar', ['--extract', '--file', archive, '--directory', folder])
  const scope = join(folder, 'node_modules', '@agent-mesh')
  await mkdir(scope, { recursive: true })
  for (const room of ['protocol', 'lambdas']) await symlink(join(folder, room), join(scope, room))
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
    // Packages of others are those that are installed; the rooms are its own.
    nodePaths: [join(root, 'node_modules')],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  })
  return outdir
}
