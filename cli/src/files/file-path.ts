/** The parts of a path; undefined for one that is relative, or whose meaning depends on links: `..`. */
export function partsOf(path: string): string[] | undefined {
  if (!path.startsWith('/') || path.includes('\0')) return undefined
  const parts = path.split('/').filter(part => part !== '')
  return parts.some(part => part === '.' || part === '..') ? undefined : parts
}
