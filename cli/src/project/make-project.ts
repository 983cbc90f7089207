import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { makeFolders } from '@agent-mesh/agent/identity/make-folders'
import { readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

import { projectFiles } from './project-files.ts'

/** What a new folder may have in it: `git init` comes first for some. */
const harmless = ['.git']

/**
 * Writes a service project into a new or empty folder. @param service @default the name of the folder
 * @returns the folder and its files @throws MeshError conflict for a folder that is not empty, invalid_argument for a name that is none
 */
export async function makeProject(
  dir: string,
  service?: string,
): Promise<{ folder: string; service: string; files: string[] }> {
  const folder = resolve(dir)
  const named = service ?? basename(folder).toLowerCase()
  const { pattern } = fieldForms.serviceName
  if (!pattern.test(named))
    throw new MeshError(
      'invalid_argument',
      `Cannot make a project in ${dir}: '${named}' is no name of a service`,
      {
        hint: 'Name the service with --name: lower-case letters, digits and -, beginning with a letter.',
      },
    )
  const files = projectFiles({ name: named.replaceAll('.', '-'), service: named })
  try {
    await mustBeEmpty(folder, dir)
    for (const [path, text] of Object.entries(files)) {
      await makeFolders(dirname(join(folder, path)))
      await writeFile(join(folder, path), text, { flag: 'wx' })
    }
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EEXIST'
    throw toMeshError(error, isTaken ? 'conflict' : 'unavailable', `make a project in ${dir}`)
  }
  return { folder, service: named, files: Object.keys(files) }
}

async function mustBeEmpty(folder: string, dir: string): Promise<void> {
  await makeFolders(folder)
  const [found] = (await readdir(folder)).filter(name => !harmless.includes(name))
  if (found === undefined) return
  throw new MeshError('conflict', `Cannot make a project in ${dir}: it is not empty, it has ${found}`, {
    hint: 'Name a new or an empty folder. Nothing was changed.',
  })
}
