import type { Log } from '../../domain/log.ts'

/** An error as fields: its stack only where it is a defect's. */
const described = (value: unknown): unknown =>
  value instanceof Error
    ? {
        name: value.name,
        message: value.message,
        stack: value.stack,
        ...('code' in value ? { code: value.code } : {}),
      }
    : value

/** One JSON line an entry on stdout, which Lambda takes to CloudWatch. Debug is not written: it would be paid for. */
export const jsonLog: Log = {
  debug: () => {},
  info: (fields, message) => write('info', fields, message),
  warn: (fields, message) => write('warn', fields, message),
  error: (fields, message) => write('error', fields, message),
}

function write(level: string, fields: object, message: string): void {
  const entries = Object.entries(fields).map(([name, value]) => [name, described(value)])
  process.stdout.write(`${JSON.stringify({ level, message, ...Object.fromEntries(entries) })}\n`)
}
