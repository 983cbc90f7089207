import { toMeshError, type MeshError, type Problem } from '@agent-mesh/protocol'

/** Problem details of an error (RFC 9457). The cause, and a stack trace, stay here. */
export const problemOf = (error: MeshError): Problem => ({
  type: `urn:agent-mesh:error:${error.code}`,
  title: error.code,
  status: error.status,
  detail: error.message,
  code: error.code,
  ...(error.hint === undefined ? {} : { hint: error.hint }),
  ...(error.details === undefined ? {} : { details: error.details }),
})

/** Whatever was thrown, as an answer. Defects become `internal` without their words. */
export function problemResponse(thrown: unknown): Response {
  const error = toMeshError(thrown, 'internal', 'answer')
  const problem = problemOf(error)
  if (error.code === 'internal') problem.detail = 'Cannot answer: a defect of the control plane, see its log'
  const headers = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }
  return new Response(JSON.stringify(problem), { status: error.status, headers })
}
