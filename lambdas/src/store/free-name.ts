/** Longest member name, a DNS label. */
const maxLength = 63

/**
 * First of `wish`, `wish-2`, `wish-3`, ... that is not taken; the wish is shortened where the number needs room.
 * `taken` needs to know only names that begin like the wish.
 */
export function freeName(wish: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wish)) return wish
  for (let n = 2; ; n++) {
    const suffix = `-${n}`
    const name = wish.slice(0, maxLength - suffix.length) + suffix
    if (!taken.has(name)) return name
  }
}
