import { MeshError, type Signer } from '@agent-mesh/protocol'
import type { Metrics } from './metrics.ts'

type SignerOf = (kid: string) => Signer | Promise<Signer>

/** Counts signatures that KMS refuses or does not answer as `SignErrors`, at once; a key outside the stack is not. */
export const countSignErrors = (signerOf: SignerOf, metrics: Metrics): SignerOf => {
  const counted = async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      const isAnothers = error instanceof MeshError && error.code === 'conflict'
      if (!isAnothers) {
        metrics.add('SignErrors', 1)
        metrics.flush()
      }
      throw error
    }
  }
  return async kid => {
    const signer = await counted(() => signerOf(kid))
    return { ...signer, sign: (typ, payload) => counted(() => signer.sign(typ, payload)) }
  }
}
