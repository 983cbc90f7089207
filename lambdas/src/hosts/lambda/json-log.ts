import { redact } from '@agent-mesh/protocol/redact'
import type { Log } from '../../domain/log.ts'

/** What Lambda says beside an event. */
export interface LambdaContext {
  awsRequestId: string
}

/** Of the event that is handled: a process handles one at a time. */
let request: string | undefined

/**
 * Has every line that is logged meanwhile carry the id of the request: of an event of API Gateway the one that its access log
 * and its answer (`apigw-requestid`) show, else Lambda's.
 */
export const withRequestId =
  <E, R>(handle: (event: E) => Promise<R>) =>
  (event: E, context?: LambdaContext): Promise<R> => {
    const { requestContext } = (event ?? {}) as { requestContext?: { requestId?: string } }
    request = requestContext?.requestId ?? context?.awsRequestId
    return handle(event)
  }

/** One JSON line an entry on stdout, without secrets, which Lambda takes to CloudWatch. Debug is not written: it would be paid for. */
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
