import { shardCount } from '@agent-mesh/protocol'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { healthPage } from '../defaults.ts'
import { isMember, type DirectoryStore, type Member } from '../store/parts/directory.ts'

/** Every member of the map, in pages; other tasks run after each page, which takes some 10 ms. */
export async function* memberPages(directory: Pick<DirectoryStore, 'listShard'>): AsyncGenerator<Member[]> {
  for (let shard = 0; shard < shardCount; shard++) {
    let after = 0
    for (let more = true; more;) {
      const entries = await directory.listShard(shard, { after, limit: healthPage })
      yield entries.filter(isMember)
      after = entries.at(-1)?.v ?? after
      more = entries.length === healthPage
      await nextTurn()
    }
  }
}
