/** The image of this checkout, built as its Dockerfile says. */
import { join } from 'node:path'
import { baseImage } from './base-image.ts'
import type { Engine } from './engine.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const left = ['.git', 'node_modules', 'dist', 'cdk.out', 'coverage', '.data']

/** @returns its name in the engine */
export async function buildImage(engine: Engine): Promise<string> {
  const name = 'agent-mesh-relay:test'
  const base = await baseImage(engine)
  // What relay.Dockerfile.dockerignore leaves out, for engines that do not read it.
  const context = ['tar', '-C', root, ...left.map(it => `--exclude=${it}`), '-c', '.']
  const options = ['--network', 'host', '--build-arg', `BASE=${base}`, '--tag', name]
  await engine.pipe(context, ['build', '--file', 'deploy/docker/relay.Dockerfile', ...options, '-'])
  return name
}
