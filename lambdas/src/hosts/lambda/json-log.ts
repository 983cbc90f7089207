import { redact } from '@agent-mesh/protocol/redact'
import type { Log } from '../../domain/log.ts'

/** One JSON line an entry on stdout, without secrets, which Lambda takes to CloudWatch. Debug is not written: it would be paid for. */
export const jsonLog: Log = {
  debug: () => {},
  info: (fields, message) => write('info', fields, message),
  warn: (fields, message) => write('warn', fields, message),
  error: (fields, message) => write('error', fields, message),
}

function write(level: string, fields: object, message: string): void {
  const entry = redact({ level, message, ...fields })
  process.stdout.write(`${JSON.stringify(entry)}\n`)
}
