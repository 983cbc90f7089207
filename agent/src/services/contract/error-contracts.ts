import { declaredChars } from '@agent-mesh/protocol/wire/index'
import type { StandardSchemaV1 } from '@standard-schema/spec'

/** `{ no_such_sensor: schema of its details }`. The details are an object, or undefined where there are none. */
export type ErrorContracts = Readonly<Record<string, StandardSchemaV1>>

const errorName = new RegExp(`^[a-zA-Z][a-zA-Z0-9_-]{0,${declaredChars - 1}}$`)

/** @returns the first name that no error frame can carry */
export const unfitErrorName = (errors: ErrorContracts = {}): string | undefined =>
  Object.keys(errors).find(name => !errorName.test(name))
