/** The images of this checkout, built as its Dockerfile says. */
import { join } from 'node:path'
import type { Engine } from './engine.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const left = ['.git', 'deploy/compose/secrets', 'node_modules', 'dist', 'cdk.out', 'coverage', '.data']

export const targets = ['control-plane', 'relay', 'agent'] as const

export type Target = (typeof targets)[number]

/** Names in the engine, by what they are. */
export type Images = { base: string } & Partial<Record<Target, string>>

/** @returns its name in the engine */
export async function buildImage(engine: Engine, target: Target, base: string): Promise<string> {
  const image = `agent-mesh-${target}:test`
  // What Dockerfile.dockerignore leaves out, for engines that do not read it.
  const context = ['tar', '-C', root, ...left.map(it => `--exclude=${it}`), '-c', '.']
  const options = ['--network', 'host', '--build-arg', `BASE=${base}`, '--tag', image, '--target', target]
  await engine.pipe(context, ['build', '--file', 'deploy/docker/Dockerfile', ...options, '-'])
  return image
}
