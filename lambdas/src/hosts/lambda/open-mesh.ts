/** The control plane inside a Lambda: opened by the first event, kept for the life of the process. */
import {
  keyChainSchema,
  MeshError,
  meshIdOf,
  parseJson,
  verifyKeyChain,
  type KeyChain,
  type Signer,
} from '@agent-mesh/protocol'
import { changeFeed } from '../../domain/change-feed.ts'
import { controlPlane, type ControlPlane } from '../../domain/control-plane.ts'
import { keyring } from '../../domain/keyring.ts'
import { systemClock } from '../../store/clock.ts'
import { openDynamoStore } from '../../store/dynamodb/dynamo-store.ts'
import type { StoreParts } from '../../store/store.ts'
import type { LambdaSettings } from './environment.ts'

export interface OpenMeshInit {
  settings: LambdaSettings
  /** The signer of an authority key. @throws MeshError conflict when it is none of the stack's */
  signerOf: (kid: string) => Signer | Promise<Signer>
}

/**
 * Opens the mesh that `agent-mesh admin init` made; a failure is not kept, the next event tries again.
 * @throws MeshError unavailable while there is none
 */
export function meshOpener({ settings, signerOf }: OpenMeshInit): () => Promise<ControlPlane> {
  const { table, maxMembers, publicUrl, watchUrl } = settings
  const store = openDynamoStore({ table, maxMembers })
  let opened: Promise<ControlPlane> | undefined

  /** The stack's keys may all be older or newer than the requested one. */
  const ownKey = async (kid: string): Promise<Signer | undefined> => {
    try {
      return await signerOf(kid)
    } catch (error) {
      if (error instanceof MeshError && error.code === 'conflict') return undefined
      throw error
    }
  }

  const open = async (): Promise<ControlPlane> => {
    const keys = await readKeys(store, settings)
    const ring = keyring({ store, clock: systemClock, keys, open: kid => ownKey(kid) })
    // Without a key that may sign it fails here, not at the first signature.
    await ring.pick()
    const mesh = {
      meshId: keys.meshId,
      keys: ring.keys,
      signer: ring.signer,
      ring,
      store,
      clock: systemClock,
      changes: changeFeed(),
      publicUrl,
      watchUrl,
    }
    return controlPlane(mesh)
  }

  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
}

/** Members pin the mesh id: a forged chain in the table deceives no member. */
async function readKeys(store: Pick<StoreParts, 'headParts'>, { stack }: LambdaSettings): Promise<KeyChain> {
  const part = await store.headParts.readPart('keys')
  if (part === undefined)
    throw new MeshError('unavailable', `Cannot answer: the mesh of stack ${stack} has no keys yet`, {
      hint: `Make them and the first admin: agent-mesh admin init --stack ${stack}`,
    })
  const chain = parseJson(keyChainSchema, part.document, 'read key chain')
  return verifyKeyChain(await meshIdOf(chain.root), chain)
}
