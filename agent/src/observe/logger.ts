/** Structured logs: JSON lines on stderr, so that stdout stays free for results. */
import { pino, type Logger } from 'pino'

export type { Logger } from 'pino'

/** Fields that never reach a log, at any depth a logged object of ours has. */
const secretFields = ['token', 'secret', 'privateKey', 'd', 'authorization', 'credential']
const redactedPaths = secretFields.flatMap(field => [field, `*.${field}`, `*.*.${field}`])

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** A logger named after its process. */
export const createLogger = (name: string, level: LogLevel = 'info'): Logger =>
  pino(
    { name, level, redact: redactedPaths, base: { name, pid: process.pid } },
    pino.destination({ dest: 2, sync: true }),
  )
