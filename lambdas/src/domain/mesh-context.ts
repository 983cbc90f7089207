import type { KeyChain, Signer } from '@agent-mesh/protocol'
import type { Clock } from '../store/clock.ts'
import type { Store, StoreParts } from '../store/store.ts'
import type { ChangeFeed } from './change-feed.ts'
import type { Keyring } from './keyring.ts'

/** What the parts of the domain work with; each names the fields it needs by {@link MeshParts}. */
export interface MeshContext {
  meshId: string
  keys: KeyChain
  /** Signs with the newest authority key that all members know. */
  signer: Signer
  /** Where the two come from, when they may change: another process may rotate the authority key. */
  ring?: Keyring
  store: Store
  clock: Clock
  changes: ChangeFeed
  /** Where members reach this control plane; without a trailing slash. */
  publicUrl: string
  /** Where watchers connect. @default `/v1/watch` of the public URL */
  watchUrl?: string
}

/** These fields of the context, and these concerns of its store. */
export type MeshParts<
  Field extends Exclude<keyof MeshContext, 'store'>,
  Concern extends keyof StoreParts,
> = Pick<MeshContext, Field> & { store: Pick<StoreParts, Concern> }
