/**
 * The authority keys of a mesh in one process: the current chain of the store, and a signer that follows it. A new key signs
 * only once all members had time to receive it; until then its predecessor signs.
 */
import {
  keyChainSchema,
  MeshError,
  parseJson,
  verifyKeyChain,
  type ChainedKey,
  type KeyChain,
  type Signer,
} from '@agent-mesh/protocol'
import { keyAbsentMs, keySettleMs } from '../defaults.ts'
import type { Clock } from '../store/clock.ts'
import type { HeadPartStore } from '../store/parts/head-parts.ts'
import type { StoreParts } from '../store/store.ts'

export interface Keyring {
  /** Always the chain that was read last. */
  readonly keys: KeyChain
  /** Always the key that has to sign now, or a predecessor while that key is unavailable. */
  readonly signer: Signer
  /** Reads the chain from the store. @throws MeshError conflict when it is not of this mesh */
  refresh(): Promise<void>
  /** The key that signs now. @throws MeshError unavailable when this process has none that may */
  pick(): Promise<Signer>
}

export interface KeyringInit {
  store: Pick<StoreParts, 'headParts'>
  clock: Clock
  keys: KeyChain
  /** The signer of an authority key, undefined when this process has none. */
  open: (kid: string) => Promise<Signer | undefined>
}

/**
 * Keys in the order in which they should sign: the newest that all members know, then its predecessors; one that was just
 * introduced comes last. One that the root introduced replaces a stolen one, so it signs at once.
 */
export function signingOrder(authorities: readonly ChainedKey[], now: number): ChainedKey[] {
  const usable = authorities.filter(({ revoked }) => !revoked)
  const settled = ({ iat, byRoot }: ChainedKey): boolean => byRoot || iat * 1000 + keySettleMs <= now
  return [...usable.filter(settled).reverse(), ...usable.filter(key => !settled(key))]
}

/** Reads the chain that a store holds. @throws MeshError conflict when it is not of this mesh */
export async function readKeyChain(
  headParts: Pick<HeadPartStore, 'readPart'>,
  meshId: string,
): Promise<KeyChain | undefined> {
  const part = await headParts.readPart('keys')
  if (part === undefined) return undefined
  try {
    return await verifyKeyChain(meshId, parseJson(keyChainSchema, part.document, 'read key chain'))
  } catch (cause) {
    throw new MeshError('conflict', `Cannot open mesh ${meshId}: the database is of another mesh`, {
      cause,
      hint: 'Restore the root key file and the database from the same backup.',
    })
  }
}

/** The signers of this process, each opened once. A missing or failed one is not tried again for {@link keyAbsentMs}. */
function ownSigners({ clock, open }: Pick<KeyringInit, 'clock' | 'open'>) {
  const opened = new Map<string, Promise<Signer | undefined>>()
  /** When keys were set aside, unix milliseconds. */
  const absent = new Map<string, number>()
  const setAside = (kid: string): void => {
    opened.delete(kid)
    absent.set(kid, clock.now())
  }
  const find = async (kid: string): Promise<Signer | undefined> => {
    const since = absent.get(kid)
    if (since !== undefined && Math.abs(clock.now() - since) < keyAbsentMs) return undefined
    const known = opened.get(kid) ?? open(kid)
    opened.set(kid, known)
    const signer = await known
    if (signer === undefined) setAside(kid)
    return signer
  }
  return { find, setAside, findAllAgain: () => absent.clear() }
}

export function keyring({ store, clock, keys: first, open }: KeyringInit): Keyring {
  let chain = first
  const own = ownSigners({ clock, open })

  /**
   * The result of `use` with the first key for which it succeeds: one that was disabled or does not answer must not stop the others,
   * whose signatures are equally valid. @throws the error of the first that failed
   */
  const withFirst = async <T>(use: (signer: Signer) => T | Promise<T>): Promise<T> => {
    const failures: unknown[] = []
    for (const { kid } of signingOrder(chain.authorities, clock.now()))
      try {
        const signer = await own.find(kid)
        if (signer !== undefined) return await use(signer)
      } catch (error) {
        own.setAside(kid)
        failures.push(error)
      }
    // The operator may be about to provide or enable it.
    own.findAllAgain()
    if (failures.length > 0) throw failures[0]
    throw new MeshError('unavailable', `Cannot sign: the authority key ${chain.current.kid} is not here`, {
      hint: 'Give every control plane the new key: authority-key.json, or on AWS the setting authorityKeyArn.',
    })
  }

  return {
    pick: () => withFirst(signer => signer),
    signer: {
      get kid() {
        return chain.current.kid
      },
      sign: (typ, payload) => withFirst(signer => signer.sign(typ, payload)),
    },
    refresh: async () => {
      chain = (await readKeyChain(store.headParts, chain.meshId)) ?? chain
    },
    keys: {
      meshId: first.meshId,
      get signed() {
        return chain.signed
      },
      get current() {
        return chain.current
      },
      get authorities() {
        return chain.authorities
      },
      get byRoot() {
        return chain.byRoot
      },
      keyOf: kid => chain.keyOf(kid),
      everKeyOf: kid => chain.everKeyOf(kid),
    },
  }
}
