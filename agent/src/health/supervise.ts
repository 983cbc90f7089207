/** Puts on record what the parts of a member do to recover: one owner for all of it. */
import { MeshError } from '@agent-mesh/protocol'
import type { Recovery } from '@agent-mesh/protocol/recovery'
import type { CredentialKeeper } from '../discovery/credential-keeper.ts'
import type { MemberStore } from '../membership/member-store.ts'
import type { ClockWatch } from '../observe/clock-watch.ts'
import type { LinkTable } from '../transport/links/link-table.ts'
import type { Link } from '../transport/links/link.ts'
import type { HealthBeat } from './beat.ts'

export interface SuperviseInit {
  readonly beat: Pick<HealthBeat, 'onBeat'>
  readonly recovery: Pick<Recovery, 'acted'>
  readonly links: Pick<LinkTable, 'onDown' | 'onDoubt'>
  readonly credential: Pick<CredentialKeeper, 'onRenewed'>
  readonly clockWatch: Pick<ClockWatch, 'onSet'>
  readonly store: Pick<MemberStore, 'inMemory'>
}

/** @returns how to stop */
export function supervise(init: SuperviseInit): () => void {
  const { recovery, links, credential, clockWatch } = init
  const stops = [
    links.onDown(link => void recordLost(link, recovery)),
    links.onDoubt(
      link => link.suspect && recovery.acted('path-suspected', 'moved new calls off a silent path'),
    ),
    credential.onRenewed(({ wasVoid }) =>
      recovery.acted(
        'credential-renewed',
        wasVoid ? 'renewed a credential that was void' : 'renewed the credential',
      ),
    ),
    clockWatch.onSet(() =>
      recovery.acted('clock-set', 'signed and reserved anew: the clock of the machine was set'),
    ),
    watchStore(init),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

async function recordLost(link: Link, recovery: SuperviseInit['recovery']): Promise<void> {
  const reason = await link.closed
  if (reason instanceof MeshError && reason.code === 'path_lost')
    recovery.acted('path-closed', 'closed a link without a sign of life')
}

function watchStore({ beat, store, recovery }: SuperviseInit): () => void {
  let inMemory = store.inMemory
  return beat.onBeat(() => {
    if (store.inMemory === inMemory) return
    inMemory = store.inMemory
    if (inMemory) recovery.acted('store-in-memory', 'keeps changes in memory: the disk is full')
    else recovery.acted('store-written', 'wrote to disk what was kept in memory')
  })
}
