/** The log of a process on stderr, in the format that its options name. */
import { createLogger, stderr, type LogLevel } from '@agent-mesh/agent/observe/logger'

import { prettyLine } from '../show/pretty-log.ts'

export type LogFormat = 'json' | 'pretty'

/** What `up`, `relay` and `control-plane` take for their logs. */
export interface LogFlags {
  logLevel: LogLevel
  /** @default json */
  logFormat?: LogFormat
}

/** @param name of the process, in each line @param kept gets each line, too, as JSON */
export function daemonLog(
  name: string,
  { logLevel, logFormat = 'json' }: LogFlags,
  kept?: { add(line: string): void },
) {
  if (logFormat === 'json' && kept === undefined) return createLogger(name, logLevel)
  const to = stderr()
  return createLogger(name, logLevel, {
    write: line => {
      kept?.add(line)
      to.write(logFormat === 'json' ? line : `${prettyLine(line)}\n`)
    },
  })
}
