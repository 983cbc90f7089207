import { MeshError, type Signer } from '@agent-mesh/protocol'

/** For Lambdas without the right to sign. */
export const noSigner = (kid: string): Signer => ({
  kid,
  sign: typ => Promise.reject(new MeshError('internal', `Cannot sign ${typ}: this function signs nothing`)),
})
