import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

/** The result of `work`, or its error. */
export async function learn<T>(action: string, work: () => T | Promise<T>): Promise<T | MeshError> {
  try {
    return await work()
  } catch (error) {
    return toMeshError(error, 'internal', action)
  }
}
