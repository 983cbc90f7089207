/** Where a join token comes from: `TOKEN`, `@FILE` or `-`, so that it need not stand in the process list. */
import { enrolledIn } from '@agent-mesh/agent/discovery/enrolment'
import { openMemberStore } from '@agent-mesh/agent/membership/member-store'
import { MeshError } from '@agent-mesh/protocol/errors'
import { access } from 'node:fs/promises'
import { join } from 'node:path'

import { readInput } from './read-input.ts'

/**
 * The token of a source. A folder that is enrolled needs none: a file that was removed after the join is no failure there.
 * @returns undefined when there is no source, or none is needed
 * @throws MeshError not_found, invalid_argument
 */
export async function readJoinToken(source: string | undefined, folder: string): Promise<string | undefined> {
  if (source === undefined) return undefined
  try {
    return await tokenOf(source)
  } catch (error) {
    if (await isEnrolled(folder)) return undefined
    throw error
  }
}

/** @throws MeshError not_found, invalid_argument */
export async function tokenOf(source: string): Promise<string> {
  const file = source === '-' ? source : source.startsWith('@') ? source.slice(1) : undefined
  const token = (file === undefined ? source : await readInput(file)).trim()
  if (token !== '') return token
  const where = file === undefined ? 'it is' : file === '-' ? 'standard input is' : `${file} is`
  throw new MeshError('invalid_argument', `Cannot read the join token: ${where} empty`, {
    hint: 'Create a token with "agent-mesh token create".',
  })
}

async function isEnrolled(folder: string): Promise<boolean> {
  const file = join(folder, 'member.db')
  const exists = await access(file).then(
    () => true,
    () => false,
  )
  if (!exists) return false
  const store = openMemberStore(file)
  try {
    return enrolledIn(store) !== undefined
  } finally {
    store.close()
  }
}
