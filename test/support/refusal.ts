import { MeshError } from '@agent-mesh/protocol'

const read = (error: unknown): string => {
  if (error instanceof MeshError) return `${error.code}: ${error.message}`
  throw error
}

/** `code: message` of the MeshError that `work` ends in, `accepted` if in none; any other error is thrown on. */
export async function refusal(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === 'function' ? work() : work)
    return 'accepted'
  } catch (error) {
    return read(error)
  }
}
