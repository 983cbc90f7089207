/** Public images, or, without a reachable registry, substitutes from files of this machine. */
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from './engine.ts'

export interface StandIn {
  name: string
  /** Puts files below an empty folder with `bin`, `lib`, `etc` and `tmp` in it, which becomes the root of the image. */
  fill(root: string): Promise<void>
  /** Instructions of a Dockerfile. */
  changes: readonly string[]
}

/** @returns the name of what is in the engine then */
export async function pulledOr(engine: Engine, published: string, standIn: StandIn): Promise<string> {
  const pulled = await engine.docker('pull', '--quiet', published).then(
    () => true,
    () => false,
  )
  if (pulled) return published
  console.log(`${published} cannot be pulled: made from Node ${process.version} and programs of this machine`)
  const root = await mkdtemp(join(tmpdir(), 'image-'))
  try {
    for (const folder of ['usr/bin', 'usr/lib', 'usr/lib64', 'usr/local/bin', 'etc', 'tmp'])
      await mkdir(join(root, folder), { recursive: true })
    await chmod(join(root, 'tmp'), 0o1777)
    for (const folder of ['bin', 'lib', 'lib64']) await symlink(`usr/${folder}`, join(root, folder))
    await standIn.fill(root)
    const changes = standIn.changes.flatMap(change => ['--change', change])
    await engine.pipe(['tar', '-C', root, '-c', '.'], ['import', ...changes, '-', standIn.name])
  } finally {
    await rm(root, { recursive: true, force: true })
  }
  return standIn.name
}
