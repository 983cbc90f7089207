/** Transient failures: the same request may be sent again, a write too. */

/** Names of DynamoDB's own errors and of the client's. */
const names = new Set([
  'InternalServerError',
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ServiceUnavailable',
  'ThrottlingException',
  'TimeoutError',
  'TransactionConflictException',
  'TransactionInProgressException',
])

/** Of the reasons why a transaction was cancelled. */
const reasons = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'])

const sockets = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT'])

interface ClientError {
  name?: string
  code?: string
  CancellationReasons?: { Code?: string }[]
  $metadata?: { httpStatusCode?: number }
}

export function passes(error: unknown): boolean {
  const { name = '', code = '', CancellationReasons, $metadata } = error as ClientError
  if (CancellationReasons !== undefined) {
    const given = CancellationReasons.map(({ Code = 'None' }) => Code)
    return !given.includes('ConditionalCheckFailed') && given.some(reason => reasons.has(reason))
  }
  // A connection that breaks within a reply is reported as an error of the parser, without a code.
  return names.has(name) || sockets.has(code) || ($metadata?.httpStatusCode ?? 0) >= 500
}

/** A transaction that met another one at work on one of its items. */
export const conflicts = (error: unknown): boolean =>
  ((error as ClientError | undefined)?.CancellationReasons ?? []).some(
    ({ Code }) => Code === 'TransactionConflict',
  )
