import { Option } from 'commander'

import { parseDuration } from '../arguments.ts'
import { commandDefaults } from '../defaults.ts'

/** `--timeout TIME` of a call: what its contract says is better than any default. */
export const callTimeoutOption = () =>
  new Option(
    '--timeout <time>',
    'timeout of the call: 500ms, 5s, 1m (default: that of the method, else 10s)',
  ).argParser(parseDuration)

/** `--timeout TIME` of a command that waits for another member. */
export const timeoutOption = (about: string) =>
  new Option('--timeout <time>', about).argParser(parseDuration).default(commandDefaults.callTimeoutMs, '10s')
