import type { StandardSchemaV1 } from '@standard-schema/spec'

/** What to write where a schema is wanted. */
export const schemaHint =
  'Give a schema of a library that speaks Standard Schema, as z.object({ ... }) of zod.'

/** An object, or a function that is one too (arktype). */
export function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard: unknown = (value as Partial<StandardSchemaV1>)['~standard']
  return typeof (standard as { readonly validate?: unknown } | undefined | null)?.validate === 'function'
}
