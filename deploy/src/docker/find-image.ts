/** Images by their names, in the engine or in the registries that it reaches. */
import { MeshError } from '@agent-mesh/protocol/errors'

import { isDigest } from '../digest.ts'
import type { Compose } from './compose.ts'

export interface FindImageInit {
  compose: Compose
  /** What the operator asked for. */
  version: string
  /** Names of the same image. */
  images: readonly string[]
  signal: AbortSignal
}

/** @returns its id, which a tag that is moved later leaves as it is @throws MeshError not_found */
export async function findImage({ compose, version, images, signal }: FindImageInit): Promise<string> {
  const look = (image: string) =>
    compose.docker(['image', 'inspect', '--format', '{{.Id}}', image], { signal }).catch(() => {
      signal.throwIfAborted()
      return undefined
    })
  let cause: unknown
  for (const image of images) {
    const found = await look(image)
    if (found !== undefined) return found
  }
  for (const image of images.filter(it => !isDigest(it))) {
    const pull = compose.docker(['pull', '--quiet', image], { signal })
    const failed = await pull.then(
      () => undefined,
      (error: unknown) => error,
    )
    signal.throwIfAborted()
    cause ??= failed
    const found = failed === undefined ? await look(image) : undefined
    if (found !== undefined) return found
  }
  throw new MeshError('not_found', `Cannot deploy ${version}: there is no image ${images.join(', nor ')}`, {
    cause,
    hint: 'Build it, or name a registry: AGENT_MESH_IMAGES=registry.example.com/agent-mesh-',
  })
}
