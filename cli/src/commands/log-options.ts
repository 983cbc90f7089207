import type { LogLevel } from '@agent-mesh/agent/observe/logger'
import { Option, type Command } from 'commander'

import type { LogFormat } from '../daemon/daemon-log.ts'

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']
const formats: readonly LogFormat[] = ['json', 'pretty']

/** What processes log on stderr, and how: one line an event. */
export const takesLogOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--log-level <level>', 'lowest level that is logged on stderr')
        .choices(levels)
        .default('warn'),
    )
    .addOption(
      new Option('--log-format <format>', 'lines of the log: json for programs, pretty for people')
        .choices(formats)
        .default('json'),
    )
