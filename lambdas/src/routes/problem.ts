import { problemOf, toMeshError, type Problem } from '@agent-mesh/protocol'

/** Any thrown value as an error for callers: a defect becomes `internal` without its message. */
export function publicProblem(thrown: unknown): Problem {
  const problem = problemOf(toMeshError(thrown, 'internal', 'answer'))
  if (problem.code === 'internal')
    problem.detail = 'Cannot answer: a defect of the control plane, see its log'
  return problem
}

/** {@link publicProblem} as an answer. @param options.status instead of that of its code */
export function problemResponse(
  thrown: unknown,
  { status, headers: more = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response {
  const problem = publicProblem(thrown)
  if (status !== undefined) problem.status = status
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...more,
  }
  const { retryAfterMs } = problem.details ?? {}
  if (typeof retryAfterMs === 'number') headers['retry-after'] = String(Math.ceil(retryAfterMs / 1_000))
  return new Response(JSON.stringify(problem), { status: problem.status, headers })
}
