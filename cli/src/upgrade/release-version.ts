/** Versions of releases, `1.2.3` or `1.2.3-rc.1`, in the order of Semantic Versioning 2.0.0, 11. */
import { MeshError } from '@agent-mesh/protocol/errors'

const pattern = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/

export const isVersion = (text: string): boolean => text.length <= 64 && pattern.test(text)

/** Negative when `a` comes before `b`. @throws MeshError invalid_argument for what is no version */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)]
  for (let i = 0; i < 3; i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0)
    if (difference !== 0) return difference
  }
  return compareCandidates(left.candidate, right.candidate)
}

function partsOf(text: string) {
  const [, major, minor, patch, candidate] = pattern.exec(text) ?? []
  if (major === undefined)
    throw new MeshError('invalid_argument', `Cannot compare versions: ${text.slice(0, 64)} is none`)
  return { numbers: [major, minor, patch].map(Number), candidate: candidate?.split('.') ?? [] }
}

/** A version without one comes after its candidates; of two, the first part that differs decides, numbers before words. */
function compareCandidates(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [left = '', right = ''] = [a[i], b[i]]
    if (left === right) continue
    const numbers = [left, right].map(part => /^\d+$/.test(part))
    if (numbers[0] !== numbers[1]) return numbers[0] === true ? -1 : 1
    return numbers[0] === true ? Number(left) - Number(right) : left < right ? -1 : 1
  }
  return a.length - b.length
}
