import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Manifest } from '../manifest.ts'
import { oldestNode } from './node-check.ts'

/** What the manifests of both packages say alike. */
export const publicFields = ({ name, description, license, type }: Manifest, version: string) => ({
  ...{ name, version, description, license, type },
  engines: { node: `>=${oldestNode}` },
  publishConfig: { access: 'public' },
})

/** package.json, README.md (from `readme` beside this file) and LICENSE. */
export async function writePackage(
  root: string,
  to: string,
  readme: string,
  manifest: Manifest,
): Promise<void> {
  await writeFile(join(to, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  await cp(join(import.meta.dirname, 'readme', readme), join(to, 'README.md'))
  await cp(join(root, 'LICENSE'), join(to, 'LICENSE'))
}
