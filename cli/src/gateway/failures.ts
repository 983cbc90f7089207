/** What the log of the agent has of a request that failed; its program has the id. */
import { randomBytes } from 'node:crypto'

import type { Logger } from '@agent-mesh/agent/observe/logger'

export const failureId = (): string => randomBytes(6).toString('hex')

interface Failure {
  readonly app: string
  readonly path: string
  readonly id: string
  readonly code: string
}

export function logFailure(log: Pick<Logger, 'info'>, failure: Failure): void {
  log.info({ ...failure, event: 'gateway-request-failed' }, 'a request of a program failed')
}
