import { MeshError, type Signer } from '@agent-mesh/protocol'
import type { Metrics } from './metrics.ts'

type SignerOf = (kid: string) => Signer | Promise<Signer>

/** Counts what KMS refuses or leaves unanswered as `SignErrors`, at once; a key that is another's is none of them. */
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
