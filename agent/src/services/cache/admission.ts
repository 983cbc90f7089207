/** Which answers may take the room of others. */

/** `frequency`: those asked for more often than what would make room for them; `all`: each new one. */
export const cacheAdmissions = ['frequency', 'all'] as const
export type CacheAdmission = (typeof cacheAdmissions)[number]

export interface Victim {
  readonly key: string
  readonly bytes: number
  /** It can no longer be used. */
  readonly isOver: boolean
}

/**
 * Least recently used answers make room. Together they must have been asked for less often than the new one, which weighs a large
 * answer against all the small ones it would replace (Einziger et al., Lightweight Robust Size Aware Cache Management, 2021).
 * @param need bytes that are missing @param asked how often a key was asked for of late
 */
export function outweighs(
  key: string,
  need: number,
  victims: Iterable<Victim>,
  asked: (key: string) => number,
): boolean {
  if (need <= 0) return true
  const own = asked(key)
  let others = 0
  for (const victim of victims) {
    if (victim.key === key) continue
    need -= victim.bytes
    if (!victim.isOver && (others += asked(victim.key)) >= own) return false
    if (need <= 0) return true
  }
  return false
}
