/** The pod that docs/kubernetes.md shows for an agent beside a program. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { checkout, type PodSpec } from './chart.ts'

/** Without containers for programs. */
export async function sidecarRecipe(): Promise<PodSpec> {
  const page = await readFile(join(checkout, 'docs', 'kubernetes.md'), 'utf8')
  const [, recipe = ''] = /### As a sidecar[\s\S]*?```yaml\n([\s\S]*?)```/.exec(page) ?? []
  const { spec } = parse(recipe) as { spec: Omit<PodSpec, 'containers'> }
  return { ...spec, containers: [] }
}
