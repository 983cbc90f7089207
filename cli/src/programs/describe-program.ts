/** What a program says of its methods, at a path below its URL. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { programDescription, type ProgramMethod } from '@agent-mesh/protocol/local-programs'
import { parseJson } from '@agent-mesh/protocol/parse'

import { askProgram, bodyOf } from './program-http.ts'

const path = '/.well-known/agent-mesh.json'
/** Of a description, bytes: 64 methods with their schemas. */
const mostBytes = 512 * 1024
/** ms for a description. */
const describeMs = 10_000

/** @throws MeshError unavailable when nothing answers; not_found when it has no description; invalid_argument for one that does not fit */
export async function describeProgram(url: string, signal: AbortSignal): Promise<ProgramMethod[]> {
  const asked = url.replace(/\/+$/, '') + path
  const action = `read ${asked}`
  const timed = AbortSignal.any([signal, AbortSignal.timeout(describeMs)])
  const reply = await askProgram({
    ...{ url: asked, headers: { accept: 'application/json' }, signal: timed, action },
  })
  if (reply.statusCode !== 200) {
    reply.destroy()
    throw new MeshError('not_found', `Cannot ${action}: the program answered ${reply.statusCode}`, {
      hint: 'Describe the methods there, or name each of them with --method.',
    })
  }
  const text = (await bodyOf(reply, mostBytes, action)).text(asked)
  return parseJson(programDescription, text, action).methods
}
