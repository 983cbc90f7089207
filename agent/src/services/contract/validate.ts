import { MeshError, type ErrorCode } from '@agent-mesh/protocol'
import type { StandardSchemaV1 } from '@standard-schema/spec'

/** Issues named in a message; a hostile input could bring thousands. */
const namedIssues = 3

const pathOf = (issue: StandardSchemaV1.Issue): string =>
  (issue.path ?? []).map(part => String(typeof part === 'object' ? part.key : part)).join('.')

/**
 * The value of a passed check.
 * @param action what cannot be done to `method` if it did not pass: `call` @param hint @default for a method
 * @throws MeshError `code`, naming the first issues and where they are
 */
export function checkedValue<T>(
  result: StandardSchemaV1.Result<T>,
  code: ErrorCode,
  action: string,
  method: string,
  hint?: string,
): T {
  if (result.issues === undefined) return result.value
  const issues = result.issues.slice(0, namedIssues).map(issue => {
    const path = pathOf(issue)
    return path === '' ? issue.message : `${path}: ${issue.message}`
  })
  throw new MeshError(code, `Cannot ${action} ${method}: ${issues.join('; ')}`, {
    hint: hint ?? `See its params and its result: agent-mesh describe ${method}`,
  })
}
