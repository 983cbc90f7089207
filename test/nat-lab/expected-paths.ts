/** Which path two kinds of network may end on: the promise of docs/paths.md, as a table. */
import type { LocalPeer } from '@agent-mesh/protocol'
import { kinds, type Kind } from './kinds.ts'

export type Path = NonNullable<LocalPeer['path']>

/** Nothing but port 443 leaves: no other host can be met there. */
const onlyRelays: readonly Kind[] = ['tcp-443', 'http-proxy']
/** Let in only who was sent to: a port that changes with each destination is never the one they wait for. */
const strict: readonly Kind[] = ['cone', 'double-nat', 'udp-dropped', 'symmetric']

const needsRelay = (a: Kind, b: Kind): boolean =>
  onlyRelays.includes(a) ||
  onlyRelays.includes(b) ||
  (a === 'symmetric' && strict.includes(b)) ||
  (b === 'symmetric' && strict.includes(a))

/** Final paths that keep the promise: a better one than needed always does. */
export function expectedPaths(a: Kind, b: Kind): readonly Path[] {
  if (needsRelay(a, b)) return ['direct', 'webrtc', 'relay']
  return a === 'udp-dropped' || b === 'udp-dropped' ? ['direct'] : ['direct', 'webrtc']
}

export interface KindPair {
  a: Kind
  b: Kind
}

/** Every unordered pair, a kind with itself included: 36. */
export const allPairs: readonly KindPair[] = kinds.flatMap((a, n) => kinds.slice(n).map(b => ({ a, b })))

export const pairName = ({ a, b }: KindPair): string => `${a}/${b}`
