import { freeName } from '../free-name.ts'
import { text } from './columns.ts'
import type { SqlInit } from './dialect.ts'
import { all, get, run, type Script } from './script.ts'

/** Names of members. They are decided under the lock of enrolments. */
export const names = ({ dialect }: Pick<SqlInit, 'dialect'>) => {
  const taken = `SELECT name FROM names WHERE ${dialect.isOneOf('name', '$1')} AND peer_id <> $2`

  function* takenOf(wanted: string[], peerId: string): Script<ReadonlySet<string>> {
    return new Set((yield* all(taken, wanted, peerId)).map(row => text(row, 'name')))
  }

  /** Assigns a free name to the member in place of its former one. */
  function* hold(name: string, peerId: string): Script<void> {
    yield* run('DELETE FROM names WHERE peer_id = $1', peerId)
    yield* run(
      'INSERT INTO names VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET peer_id = excluded.peer_id',
      name,
      peerId,
    )
  }

  return {
    hold,

    /** Peer id of the member that holds it, lapsed ones too. */
    *holderOf(name: string): Script<string | undefined> {
      const row = yield* get('SELECT peer_id FROM names WHERE name = $1', name)
      return row && text(row, 'peer_id')
    },

    /** The first free name. One whose holder lapsed is free once that was swept: no wrong clock frees it. */
    *take(wish: string, peerId: string): Script<string> {
      const search = freeName(wish)
      let turn = search.next()
      while (turn.done !== true) turn = search.next(yield* takenOf(turn.value, peerId))
      yield* hold(turn.value, peerId)
      return turn.value
    },

    *free(name: string): Script<void> {
      yield* run('DELETE FROM names WHERE name = $1', name)
    },
  }
}

export type Names = ReturnType<typeof names>
