import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

/** What `work` gives, or the error it ends in. */
export async function learn<T>(action: string, work: () => T | Promise<T>): Promise<T | MeshError> {
  try {
    return await work()
  } catch (error) {
    return toMeshError(error, 'internal', action)
  }
}
