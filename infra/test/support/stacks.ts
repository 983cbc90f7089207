import { App } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import type { CloudAssembly } from 'aws-cdk-lib/cx-api'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { lambdaNames } from '../../src/lambda-bundle.ts'
import { meshStacks } from '../../src/mesh-stacks.ts'
import { readSettings } from '../../src/settings.ts'

/** Lambdas that do nothing: their folder is what a template is made with. */
const bundles = mkdtempSync(join(tmpdir(), 'lambdas-'))
for (const name of lambdaNames) {
  mkdirSync(join(bundles, name))
  writeFileSync(join(bundles, name, 'index.mjs'), 'export const handler = () => {}')
}
// The specs of a worker share this module: the folder stays until the last of them is done.
process.once('exit', () => rmSync(bundles, { recursive: true, force: true }))

export interface MeshTemplates {
  controlPlane: Template
  /** Undefined when settings name table and keys. */
  data: Template | undefined
  relays: Template | undefined
  assembly: CloudAssembly
}

const made = new Map<string, MeshTemplates>()

/** The templates of a mesh with these settings: made once for each, as that takes a second. The stacks are `Mesh`, `MeshData` … */
export function meshTemplates(context: Record<string, string> = {}): MeshTemplates {
  const key = JSON.stringify(context)
  const templates = made.get(key) ?? synthesize(context)
  made.set(key, templates)
  return templates
}

function synthesize(context: Record<string, string>): MeshTemplates {
  const app = new App({ context })
  const { controlPlane, data, relays } = meshStacks(app, {
    settings: readSettings(app.node),
    name: 'Mesh',
    bundles,
    command: () => bundles,
    env: () => ({ account: '000000000000', region: 'eu-west-1' }),
  })
  return {
    controlPlane: Template.fromStack(controlPlane),
    data: data && Template.fromStack(data),
    relays: relays && Template.fromStack(relays),
    assembly: app.synth(),
  }
}
