/** Rotation of the authority key that is kept in files: started by the operator, and completed by time. */
import type { Keyring } from '../../domain/keyring.ts'
import type { AuthorityKey } from '../../domain/found-mesh.ts'
import {
  introduceKey,
  replaceStolenKeys,
  takeOverParts,
  type RotatingMesh,
} from '../../domain/key-rotation.ts'
import type { AuthorityKeyFiles } from './authority-key-files.ts'

export interface RotatedKey {
  /** Thumbprint of the new key. */
  kid: string
  /** When it begins to sign, unix milliseconds. */
  signsAt: number
  /** Thumbprints of the revoked keys. */
  revoked: string[]
}

export interface LocalAuthority {
  /**
   * Makes a new authority key. @param options.revoke the old ones were stolen: by the root, at once
   * @throws MeshError conflict while a rotation is not complete or another control plane makes one
   */
  rotate(options: { revoke: boolean; by: string }): Promise<RotatedKey>
  /** Completes a rotation once its key signs, also one that a crash interrupted. Cheap when there is nothing to do. */
  settle(): Promise<void>
}

export interface LocalAuthorityInit extends RotatingMesh {
  root: AuthorityKey
  files: AuthorityKeyFiles
  ring: Keyring
}

export function localAuthority({ root, files, ...mesh }: LocalAuthorityInit): LocalAuthority {
  const { ring, clock } = mesh
  let settled = ''

  const settle = async (): Promise<void> => {
    await ring.refresh()
    const { kid } = await ring.pick()
    if (kid !== settled) {
      await files.promote(kid)
      await takeOverParts(mesh, kid => ring.keys.keyOf(kid))
      settled = kid
    }
    // Another control plane may have changed it.
    await files.keepChain(ring.keys)
  }

  const replace = async (by: string): Promise<RotatedKey> => {
    await ring.refresh()
    // A key that does not sign yet lay beside the stolen one.
    await files.promote(ring.keys.current.kid)
    const next = await files.next()
    const before = ring.keys.authorities.filter(({ revoked }) => !revoked)
    await replaceStolenKeys(mesh, root, next, by)
    await files.promote(next.signer.kid)
    await files.keepChain(ring.keys)
    const revoked = before.map(({ kid }) => kid).filter(kid => kid !== next.signer.kid)
    return { kid: next.signer.kid, signsAt: clock.now(), revoked }
  }

  return {
    settle,
    rotate: async ({ revoke, by }) => {
      if (revoke) return replace(by)
      await settle()
      const next = await files.next()
      const signsAt = await introduceKey(mesh, next, by)
      await files.keepChain(ring.keys)
      return { kid: next.signer.kid, signsAt, revoked: [] }
    },
  }
}
