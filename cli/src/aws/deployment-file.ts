/** What was deployed from a context: `DIR/deploy.json`, so that the next deployment begins with the same settings. */
import { fileFailure, makeFolder, replaceFile } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { parseJson } from '@agent-mesh/protocol/parse'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'

const shortText = z.string().check(z.minLength(1), z.maxLength(256))
const stackName = z
  .string()
  .check(z.regex(/^[A-Za-z][A-Za-z0-9-]{0,120}$/, { error: 'is not the name of a stack' }))

const deploymentSchema = z.object({
  version: z.literal(1),
  /** Of the control plane; the others' names begin with it. */
  stack: stackName,
  profile: z.optional(shortText),
  region: z.optional(shortText),
  /** As the operator gave them. */
  settings: z.record(shortText, z.string().check(z.maxLength(4_096))),
  /** Stacks that are deployed, in the order in which they were. */
  stacks: z.array(stackName).check(z.maxLength(600)),
  /** Table and keys that the control plane worked with last: a deployment without them would be another mesh. */
  data: z.optional(
    z.object({ tableName: shortText, keyArns: z.array(shortText).check(z.minLength(1), z.maxLength(8)) }),
  ),
})
export type Deployment = Omit<z.output<typeof deploymentSchema>, 'version'>

const deploymentFile = (folder: string) => join(folder, 'deploy.json')

/** @returns undefined when nothing was deployed from this folder @throws MeshError invalid_argument when the file is damaged */
export async function readDeployment(folder: string): Promise<Deployment | undefined> {
  const path = deploymentFile(folder)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw fileFailure(`read ${path}`, cause)
  }
  const { version: _, ...deployment } = parseJson(deploymentSchema, text, `read ${path}`)
  return deployment
}

/** @throws MeshError not_found when nothing was deployed from this folder */
export async function neededDeployment(folder: string, action: string): Promise<Deployment> {
  const deployment = await readDeployment(folder)
  if (deployment !== undefined) return deployment
  throw new MeshError('not_found', `Cannot ${action}: there is no ${deploymentFile(folder)}`, {
    hint: 'Use the context that was deployed (--context NAME, --data DIR), or deploy it: agent-mesh deploy aws.',
  })
}

/** Writes it whole, mode 0600. @throws MeshError unavailable when the disk is full, permission_denied */
export async function writeDeployment(folder: string, deployment: Deployment): Promise<void> {
  await makeFolder(folder)
  const path = deploymentFile(folder)
  const { stack, profile, region, settings, stacks, data } = deployment
  // In one order: the same deployment is the same file.
  const text = JSON.stringify({ version: 1, stack, profile, region, settings, stacks, data }, null, 2)
  await replaceFile(path, `${text}\n`).catch((error: unknown) => {
    throw fileFailure(`write ${path}`, error)
  })
}
