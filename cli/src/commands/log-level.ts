import type { LogLevel } from '@agent-mesh/agent/observe/logger'
import { Option } from 'commander'

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/** What daemons log, as JSON lines on stderr. */
export const logLevelOption = (): Option =>
  new Option('--log-level <level>', 'lowest level that is logged on stderr').choices(levels).default('warn')
