/**
 * The last deployment that passed its checks, kept in the context: what the CDK made of it and the settings it was made from.
 * `DIR/deployed/last` holds it, `DIR/deployed/next` the one that is under way.
 */
import { makeFolder } from '@agent-mesh/agent/identity/private-file'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { readDeployment, writeDeployment, type Deployment } from './deployment-file.ts'

export interface GoodDeployment {
  /** Folder of the CDK's assembly: templates, and the assets that they name. */
  assembly: string
  deployment: Deployment
}

const places = (folder: string) => ({
  last: join(folder, 'deployed', 'last'),
  next: join(folder, 'deployed', 'next'),
})
const assemblyIn = (place: string): string => join(place, 'assembly')

/** @returns undefined when none is kept @throws MeshError invalid_argument when its file is damaged */
export async function lastGood(folder: string): Promise<GoodDeployment | undefined> {
  const { last } = places(folder)
  const deployment = await readDeployment(last)
  return deployment === undefined ? undefined : { assembly: assemblyIn(last), deployment }
}

/** @returns the folder that the CDK writes the next assembly to, empty @throws MeshError permission_denied, unavailable */
export async function nextAssembly(folder: string): Promise<string> {
  const { next } = places(folder)
  await rm(next, { recursive: true, force: true })
  await makeFolder(next)
  return assemblyIn(next)
}

/** Keeps the next one, which passed its checks, in the place of the last. @throws MeshError unavailable when the disk is full */
export async function keepNext(folder: string, deployment: Deployment): Promise<void> {
  const { last, next } = places(folder)
  await writeDeployment(next, deployment)
  await rm(last, { recursive: true, force: true })
  await rename(next, last)
}

/** Keeps none: there is nothing to go back to. Idempotent. */
export const forgetGood = (folder: string): Promise<void> =>
  rm(join(folder, 'deployed'), { recursive: true, force: true })
