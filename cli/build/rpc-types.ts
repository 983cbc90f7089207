/**
 * `npm run generate:rpc`: the types of the RPCs of the gateway, of cli/proto. Its compiler (PyPI) and the plugin of that (npm) are
 * installed with the first run into folders of their own, as pinned: an installation of the checkout needs neither.
 * `rpc-types.ts DIR` writes them there.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'

import { pythonTools } from '../../test/support/python.ts'

/** With the library of the same version the types work. */
const plugin = '@bufbuild/protoc-gen-es@2.17.0'
const root = join(import.meta.dirname, '..', '..')
const [folder = join(root, 'cli', 'src', 'gateway', 'rpc', 'gen')] = process.argv.slice(2)

/** @returns the path of the plugin */
function installPlugin(): string {
  const to = join(root, 'node_modules', '.cache', plugin.replaceAll(/[@/]/g, '-'))
  if (!existsSync(to)) {
    const fresh = `${to}.${process.pid}`
    const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel', 'error']
    execFileSync('npm', ['install', '--prefix', fresh, ...options, plugin], { stdio: 'inherit' })
    renameSync(fresh, to)
  }
  return join(to, 'node_modules', '.bin', 'protoc-gen-es')
}

mkdirSync(folder, { recursive: true })
execFileSync(
  join(await pythonTools('grpc/requirements.txt'), 'python'),
  [
    ...['-m', 'grpc_tools.protoc', '-I', join(root, 'cli', 'proto')],
    `--plugin=protoc-gen-es=${installPlugin()}`,
    `--es_out=${folder}`,
    '--es_opt=target=ts,import_extension=ts',
    'agentmesh/v1/mesh.proto',
  ],
  { stdio: 'inherit' },
)
