import { limits, MeshError, signRelays, type RelayEntry } from '@agent-mesh/protocol'
import { isDeepStrictEqual } from 'node:util'
import { writeTries } from '../defaults.ts'
import { readRelays } from './head-documents.ts'
import type { MeshParts } from './mesh-context.ts'

/** The relays in the head: rewritten when one joins, leaves or changes its addresses. */
export interface RelayRoster {
  /** @throws MeshError mesh_full when there are too many relays, conflict when other processes keep winning the write */
  put(entry: RelayEntry): Promise<void>
  remove(peerId: string): Promise<void>
  /**
   * Removes relays that are not in the map: removed as offline, left by a process that crashed between map and head, or
   * revoked while they published.
   */
  tidy(): Promise<void>
}

export function relayRoster(
  mesh: MeshParts<'keys' | 'ring' | 'signer' | 'meshId' | 'changes', 'headParts' | 'directory'>,
): RelayRoster {
  const { store, signer, meshId, changes } = mesh

  const rewrite = async (edit: (relays: readonly RelayEntry[]) => RelayEntry[]): Promise<void> => {
    for (let tries = writeTries; ; tries--) {
      const { part, relays } = await readRelays(mesh)
      const next = edit(relays)
      if (isDeepStrictEqual(next, relays)) return
      const document = await signRelays(signer, { mesh: meshId, number: part.number + 1, relays: next })
      try {
        await store.headParts.writePart('relays', part.number, document)
        changes.emit('head')
        return
      } catch (error) {
        if (!(error instanceof MeshError) || error.code !== 'conflict' || tries === 1) throw error
      }
    }
  }

  return {
    put: entry =>
      rewrite(relays => {
        const others = relays.filter(({ peerId }) => peerId !== entry.peerId)
        if (others.length >= limits.relays)
          throw new MeshError(
            'mesh_full',
            `Cannot add relay ${entry.name}: there are ${limits.relays} already`,
          )
        return [...others, entry].sort((a, b) => (a.peerId < b.peerId ? -1 : 1))
      }),
    remove: peerId => rewrite(relays => relays.filter(relay => relay.peerId !== peerId)),
    tidy: async () => {
      // A relay is in the map before it is in the head, so every relay in this list must be in the map by now.
      const { relays } = await readRelays(mesh)
      const there = new Set(
        (await store.directory.readMembers(relays.map(({ peerId }) => peerId))).map(m => m.peerId),
      )
      const gone = new Set(relays.map(({ peerId }) => peerId).filter(peerId => !there.has(peerId)))
      if (gone.size > 0) await rewrite(now => now.filter(({ peerId }) => !gone.has(peerId)))
    },
  }
}
