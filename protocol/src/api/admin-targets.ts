/** What an admin manages; policy grants it like any other target. */
export const adminTargets = [
  'admin:tokens',
  'admin:policy',
  'admin:revocations',
  'admin:members',
  'admin:audit',
  'admin:keys',
  'admin:scaling',
  'admin:watch',
] as const
export type AdminTarget = (typeof adminTargets)[number]
