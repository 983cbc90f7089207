/** The last verified entries: a log that was cut off since does not have them. */
import { auditHeadSchema } from '@agent-mesh/protocol/audit'
import { replaceFile } from '@agent-mesh/agent/identity/private-file'
import { parseJson } from '@agent-mesh/protocol/parse'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'

const schema = z.looseObject({
  local: z.optional(auditHeadSchema),
  'control-plane': z.optional(auditHeadSchema),
})
export type KnownHeads = z.output<typeof schema>

const fileOf = (folder: string): string => join(folder, 'audit-verified.json')

/** @throws MeshError invalid_argument when the file is damaged */
export async function readKnownHeads(folder: string): Promise<KnownHeads> {
  const text = await readFile(fileOf(folder), 'utf8').catch(() => '{}')
  return parseJson(schema, text, `read ${fileOf(folder)}`)
}

export async function writeKnownHeads(folder: string, heads: KnownHeads): Promise<void> {
  await replaceFile(fileOf(folder), `${JSON.stringify(heads)}\n`)
}
