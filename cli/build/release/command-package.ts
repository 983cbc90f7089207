/** `agent-mesh`, the command: every doc says `npx agent-mesh`, so the name without a scope is its own. */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'

import { bundleCommand } from '../bundle.ts'
import { nativeWebRtc, readManifest } from '../manifest.ts'
import { publicFields, writePackage } from './package-files.ts'
import { versionPlugin } from './version-plugin.ts'

/** Writes the package into `to`, which exists and is empty. */
export async function buildCommand(root: string, to: string, version: string): Promise<Metafile> {
  const metafile = await bundleCommand(root, join(to, 'bundle'), {
    target: 'node22',
    plugins: [versionPlugin(version)],
  })
  await cp(join(root, 'cli/bin'), join(to, 'bin'), { recursive: true })
  await writePackage(root, to, 'command.md', {
    ...publicFields({ ...(await readManifest(root, 'cli')), name: 'agent-mesh' }, version),
    keywords: ['mesh', 'rpc', 'p2p', 'nat-traversal', 'services'],
    bin: { 'agent-mesh': 'bin/agent-mesh.js' },
    // There is nothing to import: programs use @agent-mesh/agent.
    exports: { './package.json': './package.json' },
    optionalDependencies: await nativeWebRtc(root),
  })
  return metafile
}
