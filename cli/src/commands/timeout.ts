import { Option } from 'commander'

import { parseDuration } from '../arguments.ts'
import { commandDefaults } from '../defaults.ts'

/** `--timeout TIME` of a command that waits for another member. */
export const timeoutOption = (about = 'timeout of the call: 500ms, 5s, 1m') =>
  new Option('--timeout <time>', about).argParser(parseDuration).default(commandDefaults.callTimeoutMs, '10s')
