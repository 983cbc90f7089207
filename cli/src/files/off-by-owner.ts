/** Services that a machine has only when its owner switches them on: of one without them callers learn which option that is. */
import { MeshError } from '@agent-mesh/protocol/errors'

interface Asked {
  /** What cannot be done: `run wc on web-1`. */
  readonly action: string
  readonly peer: string
  /** Of `agent-mesh up`, which switches it on. */
  readonly option: string
}

/** Members of every version say it in these words; the process of this machine, and a peer of another protocol, have others. */
const notServed = / does not serve it$/

/** @returns permission_denied for a member that does not serve what was asked, else what was thrown */
export function offByOwner(thrown: unknown, { action, peer, option }: Asked): unknown {
  if (!(thrown instanceof MeshError) || thrown.code !== 'unsupported') return thrown
  if (!notServed.test(thrown.message)) return thrown
  return new MeshError('permission_denied', `Cannot ${action}: the owner of ${peer} does not allow it`, {
    cause: thrown,
    hint: `The owner allows it there with "agent-mesh up ${option}".`,
  })
}
