/** What the service `files` takes and gives, at both ends. */
import { transferOfferSchema } from '@agent-mesh/protocol/transfer'
import * as z from 'zod/mini'

import { partsOf } from './file-path.ts'

/** PATH_MAX of Linux. */
const pathChars = 4_096

export const filePath = z.string().check(
  z.maxLength(pathChars),
  z.refine(path => partsOf(path) !== undefined, { error: 'is not an absolute path without . and ..' }),
)

/** Without a path: the log of the agent itself. */
export const tailRequest = z.object({
  path: z.optional(filePath),
  lines: z.int().check(z.nonnegative(), z.maximum(100_000)),
  follow: z.boolean(),
})

export const fileEntry = z.looseObject({
  /** Of a list, relative to what is listed. */
  path: z.string().check(z.maxLength(pathChars)),
  /** Links, devices, sockets and pipes are `other`, and so is what cannot be read: they are not followed, read or written. */
  kind: z.enum(['file', 'folder', 'other']),
  bytes: z.number().check(z.nonnegative()),
  executable: z.boolean(),
})
export type FileEntry = z.output<typeof fileEntry>

/** A part of a list. */
export const fileEntries = z.array(fileEntry).check(z.maxLength(1_000))

export const putRequest = z.object({
  path: filePath,
  offer: transferOfferSchema,
  bytes: z.int().check(z.nonnegative()),
  executable: z.boolean(),
})
