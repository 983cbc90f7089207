import { redact } from '@agent-mesh/protocol/redact'
import type { Log } from '../../domain/log.ts'

/** The context that Lambda passes with an event. */
export interface LambdaContext {
  awsRequestId: string
}

/** Id of the current event: a process handles one at a time. */
let request: string | undefined

/**
 * Adds the id of the request to every line that is logged meanwhile: for an event of API Gateway the id in its access log and
 * its answer (`apigw-requestid`), else Lambda's.
 */
export const withRequestId =
  <E, R>(handle: (event: E) => Promise<R>) =>
  (event: E, context?: LambdaContext): Promise<R> => {
    const { requestContext } = (event ?? {}) as { requestContext?: { requestId?: string } }
    request = requestContext?.requestId ?? context?.awsRequestId
    return handle(event)
  }

/** One JSON line an entry on stdout, without secrets; Lambda sends it to CloudWatch. Debug is not written: each line costs. */
export const jsonLog: Log = {
  debug: () => {},
  info: (fields, message) => write('info', fields, message),
  warn: (fields, message) => write('warn', fields, message),
  error: (fields, message) => write('error', fields, message),
}

function write(level: string, fields: object, message: string): void {
  const entry = redact({ level, message, ...(request === undefined ? {} : { request }), ...fields })
  process.stdout.write(`${JSON.stringify(entry)}\n`)
}
