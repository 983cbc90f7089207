/** Failures of requests on the local socket, as MeshErrors. */
import { errorOfProblem, problemSchema, type Problem } from '@agent-mesh/protocol/api/problem'
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { parseJson } from '@agent-mesh/protocol/parse'

import { socketPath } from '../data/data-folder.ts'
import { NothingRunningError } from '../exit-codes.ts'

/** What the process answered. */
export function problemIn(text: string, path: string): MeshError {
  const problem = parseJson(problemSchema, text, `read reply of ${path}`, 'protocol_error')
  return errorIn(problem)
}

export const errorIn = (problem: Problem): MeshError =>
  errorOfProblem(problem) ?? new MeshError('internal', problem.detail)

/** Why there was no answer. @param timedOut ms that were waited, when that is why */
export function failureOf(error: unknown, folder: string, path: string, timedOut: number | false): MeshError {
  if (timedOut !== false)
    return new MeshError(
      'deadline_exceeded',
      `Cannot ask the process of ${folder}: no answer within ${timedOut} ms`,
      {
        cause: error,
      },
    )
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return new NothingRunningError(folder, error)
  if (code === 'EACCES')
    return new MeshError(
      'permission_denied',
      `Cannot open ${socketPath(folder)}: it belongs to another user`,
      {
        cause: error,
        hint: 'Run the command as the user that runs agent-mesh up.',
      },
    )
  return toMeshError(error, 'unavailable', `ask the process of ${folder}`)
}
