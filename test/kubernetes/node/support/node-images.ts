/** Images for pods: those of this checkout, made in a Docker engine, in one archive. */
import { chmod, cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { builtPrograms } from '../../cluster/support/built-programs.ts'
import { baseImage } from '../../../docker/support/base-image.ts'
import { openEngine, type Engine } from '../../../docker/support/engine.ts'
import { buildImage } from '../../../docker/support/image.ts'

export const repository = 'agent-mesh-node-test'
/** Tags: two releases that work, and one whose process ends at once. */
export const tags = { first: '1.0.0', second: '1.1.0', broken: '1.2.0' }

const pause = `${repository}-pause:1`

export interface NodeImages {
  /** That of the container which holds the namespaces of a pod. */
  pause: string
  /** File, as `docker save` makes it. */
  archive: string
}

/** @param folder where the archive comes */
export async function nodeImages(folder: string): Promise<NodeImages> {
  const engine = await openEngine()
  const named = (tag: string) => `${repository}:${tag}`
  const names = Object.values(tags).map(named)
  try {
    await pauseImage(engine, folder)
    const product = await buildImage(engine, 'relay', await baseImage(engine))
    for (const tag of [tags.first, tags.second])
      await derive(engine, product, named(tag), `LABEL test=${tag}`)
    await derive(engine, product, named(tags.broken), 'ENTRYPOINT ["node", "--eval", "process.exit(1)"]')
    const archive = join(folder, 'images.tar')
    await engine.docker('save', '--output', archive, pause, ...names)
    return { archive, pause: `docker.io/library/${pause}` }
  } finally {
    // One that was not made is none to remove.
    await engine.docker('image', 'rm', '--force', pause, ...names).catch(() => undefined)
    await engine.close()
  }
}

/** An image that has one more instruction. */
async function derive(engine: Engine, from: string, name: string, instruction: string): Promise<void> {
  const lines = `FROM ${from}\n${instruction}\n`
  await engine.pipe(['printf', '%s', lines], ['build', '--network', 'host', '--tag', name, '-'])
}

async function pauseImage(engine: Engine, folder: string): Promise<void> {
  const root = join(folder, 'pause')
  await mkdir(root)
  await cp(join(await builtPrograms('pause'), 'pause'), join(root, 'pause'))
  await chmod(join(root, 'pause'), 0o755)
  const change = ['--change', 'ENTRYPOINT ["/pause"]', '--change', 'USER 65535:65535']
  await engine.pipe(['tar', '-C', root, '-c', '.'], ['import', ...change, '-', pause])
  await rm(root, { recursive: true })
}
