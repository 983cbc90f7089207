import type { RestoredMesh } from '@agent-mesh/lambdas'
import { initMesh, type InitialisedMesh } from '@agent-mesh/lambdas/operator/init-mesh'
import { restoreMesh } from '@agent-mesh/lambdas/operator/restore-mesh'
import { rotateMeshKey, type RotatedMeshKey } from '@agent-mesh/lambdas/operator/rotate-mesh-key'
import { basename } from 'node:path'

import { writeContext } from '../data/context-file.ts'
import { stackFacts } from './stack-facts.ts'
import { stackOf } from './stack-of.ts'

/** Makes the mesh of a stack and its first admin in `folder`, which becomes the context of that admin. Repeatable. */
export async function initStack(stack: string | undefined, folder: string): Promise<InitialisedMesh> {
  const mesh = await initMesh(folder, await stackFacts(await stackOf(folder, stack)))
  await writeContext(folder, {
    url: mesh.publicUrl,
    meshId: mesh.meshId,
    admin: basename(mesh.adminIdentityFile),
  })
  return mesh
}

/** Gives the mesh of a stack a new authority key, which lies in KMS already. Repeatable. */
export async function rotateStackKey(
  stack: string | undefined,
  folder: string,
  options: { kmsKey: string; revoke: boolean },
): Promise<RotatedMeshKey> {
  return rotateMeshKey(folder, await stackFacts(await stackOf(folder, stack)), options)
}

/** Adopts the mesh of a stack whose table was restored from a backup. Repeatable. */
export const restoreStack = async (stack: string | undefined, folder: string): Promise<RestoredMesh> =>
  restoreMesh(folder, await stackFacts(await stackOf(folder, stack)))
