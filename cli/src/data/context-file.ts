import { fileFailure, replaceFile } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { meshIdField } from '@agent-mesh/protocol/fields'
import { parseJson } from '@agent-mesh/protocol/parse'
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'

export const urlField = z.string().check(z.maxLength(512), z.regex(/^https?:\/\//, { error: 'is not a URL' }))

/** What admin commands of a context need besides the admin key: `DIR/context.json`. */
const contextSchema = z.looseObject({
  version: z.literal(1),
  url: urlField,
  /** Its URL for other machines, when that differs. */
  publicUrl: z.optional(urlField),
  meshId: meshIdField,
  /** File of the admin's identity, below the data folder. */
  admin: z.string().check(z.regex(/^[\w.-]+$/, { error: 'is not a file name' })),
})
export type Context = z.output<typeof contextSchema>

const contextFile = (folder: string) => join(folder, 'context.json')

/** Writes it whole, or not at all when it is there as it is to be. @throws MeshError unavailable when the disk is full */
export async function writeContext(folder: string, context: Omit<Context, 'version'>): Promise<void> {
  const path = contextFile(folder)
  const text = `${JSON.stringify({ version: 1, ...context }, null, 2)}\n`
  if ((await readFile(path, 'utf8').catch(() => '')) === text) return
  await replaceFile(path, text).catch((error: unknown) => {
    throw fileFailure(`write ${path}`, error)
  })
}

/** Whether this folder administers a mesh. */
export const hasContext = (folder: string): Promise<boolean> =>
  access(contextFile(folder)).then(
    () => true,
    () => false,
  )

/** @throws MeshError not_found when this context administers no mesh, invalid_argument when the file is damaged */
export async function readContext(folder: string): Promise<Context> {
  const path = contextFile(folder)
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new MeshError('not_found', `Cannot administer a mesh from ${folder}: it has no context.json`, {
      cause,
      hint: 'Name the context of the control plane, or one that was imported, with --context NAME or --data DIR.',
    })
  })
  return parseJson(contextSchema, text, `read ${path}`)
}
