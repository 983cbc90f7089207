import { App } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

import { ControlPlaneStack } from '../../src/control-plane-stack.ts'
import { dataOfSettings } from '../../src/data/data-of-settings.ts'
import { DataStack } from '../../src/data-stack.ts'
import { lambdaNames } from '../../src/lambda-bundle.ts'
import { readSettings } from '../../src/settings.ts'

/** Lambdas that do nothing: their folder is what a template is made with. */
const bundles = mkdtempSync(join(tmpdir(), 'lambdas-'))
for (const name of lambdaNames) {
  mkdirSync(join(bundles, name))
  writeFileSync(join(bundles, name, 'index.mjs'), 'export const handler = () => {}')
}
afterAll(() => rmSync(bundles, { recursive: true, force: true }))

export interface MeshTemplates {
  controlPlane: Template
  /** Undefined when settings name table and keys. */
  data: Template | undefined
}

const made = new Map<string, MeshTemplates>()

/** The templates of a mesh with these settings: made once for each, as that takes a second. */
export function meshTemplates(context: Record<string, string> = {}): MeshTemplates {
  const key = JSON.stringify(context)
  const templates = made.get(key) ?? synthesize(context)
  made.set(key, templates)
  return templates
}

function synthesize(context: Record<string, string>): MeshTemplates {
  const app = new App({ context })
  const settings = readSettings(app.node)
  const data = dataOfSettings(settings, () => new DataStack(app, 'MeshData', { settings }))
  const controlPlane = new ControlPlaneStack(app, 'Mesh', { bundles, data, settings })
  const own = app.node.tryFindChild('MeshData') as DataStack | undefined
  return { controlPlane: Template.fromStack(controlPlane), data: own && Template.fromStack(own) }
}
