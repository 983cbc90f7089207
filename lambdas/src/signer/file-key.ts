/** A key in a file of the operator's: always for the root, and for the authority without a key management service. */
import { jwkSigner, thumbprintOf, type PrivateJwk } from '@agent-mesh/protocol'
import type { AuthorityKey } from '../domain/found-mesh.ts'
import { readPrivateKey, writePrivateKey } from '../files/private-key-file.ts'

async function keyOf({ d, ...jwk }: PrivateJwk): Promise<AuthorityKey> {
  const kid = await thumbprintOf(jwk)
  return { jwk, signer: await jwkSigner(kid, { ...jwk, d }) }
}

/** Opens the key of a file, undefined without one. @throws MeshError naming the file */
export async function fileKey(path: string): Promise<AuthorityKey | undefined> {
  const jwk = await readPrivateKey(path)
  return jwk === undefined ? undefined : keyOf(jwk)
}

/** Makes a key and its file. @throws MeshError permission_denied */
export const makeFileKey = async (path: string): Promise<AuthorityKey> => keyOf(await writePrivateKey(path))
