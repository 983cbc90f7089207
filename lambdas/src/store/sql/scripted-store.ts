/** The parts of a store that are written as scripts, for the database that runs them. */
import type { DirectoryStore, HealthStore, PresenceStore } from '../store.ts'
import { healthRollUps } from './health-roll-ups.ts'
import { members } from './members.ts'
import { presence } from './presence.ts'
import type { Script, SqlInit } from './script.ts'

export interface ScriptRunner {
  /** A script that changes nothing. */
  read<T>(script: Script<T>): Promise<T>
  /** In a transaction of its own, which may be tried again from the beginning. */
  write<T>(script: () => Script<T>): Promise<T>
  /** As {@link ScriptRunner.write}, for what a power cut may undo: it is told again anyway. */
  relaxed<T>(script: () => Script<T>): Promise<T>
}

export type ScriptedStore = Pick<DirectoryStore, 'readMembers' | 'listShard' | 'listProviders'> &
  PresenceStore &
  HealthStore

export function scriptedStore({ read, write, relaxed }: ScriptRunner, init: SqlInit): ScriptedStore {
  const [pairs, leases, health] = [members(init), presence(init), healthRollUps(init)]
  return {
    readMembers: peerIds => read(pairs.readMembers(peerIds)),
    listShard: (shard, page) => read(pairs.listShard(shard, page)),
    listProviders: (service, shard, page) => read(pairs.listProviders(service, shard, page)),

    // A lease that a power cut undoes is a conflict for its relay, which then tells everything anew.
    applyReport: report => relaxed(() => leases.applyReport(report)),
    readLeases: () => read(leases.readLeases()),

    writeHealth: rollUps => write(() => health.writeHealth(rollUps)),
    listHealth: since => read(health.listHealth(since)),
  }
}
