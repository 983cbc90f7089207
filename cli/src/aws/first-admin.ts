import { initMesh, type InitialisedMesh } from '@agent-mesh/lambdas/hosts/aws/init-mesh'
import { basename } from 'node:path'

import { writeContext } from '../data/context-file.ts'
import { stackFacts } from './stack-facts.ts'

/** Makes the mesh of a stack and its first admin in `folder`, which becomes the context of that admin. Repeatable. */
export async function initStack(stack: string, folder: string): Promise<InitialisedMesh> {
  const mesh = await initMesh(folder, await stackFacts(stack))
  await writeContext(folder, {
    url: mesh.publicUrl,
    meshId: mesh.meshId,
    admin: basename(mesh.adminIdentityFile),
  })
  return mesh
}
