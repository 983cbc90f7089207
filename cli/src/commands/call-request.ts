/** What `call` and `call-all` both take, and what they ask the agent for. */
import type { Command } from 'commander'

import { parseJsonArgument } from '../arguments.ts'
import { timeoutOption } from './timeout.ts'

export interface CallOptions {
  timeout: number
  idempotent?: true
}

export const takesCall = (command: Command): Command =>
  command
    .argument('<method>', 'service.method')
    .argument('[params]', 'JSON', parseJsonArgument)
    .addOption(timeoutOption())
    .option('--idempotent', 'running it twice does no harm: repeat it when its link breaks')

export const callRequest = (method: string, params: unknown, { timeout, idempotent }: CallOptions) => ({
  method,
  params,
  timeoutMs: timeout,
  ...(idempotent && { idempotent }),
})
