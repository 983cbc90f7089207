import { NoProcessError } from '@agent-mesh/agent/gateway/local-socket'

import { NothingRunningError } from '../exit-codes.ts'

/** Handles failures of requests on the local socket: the command has an exit code and a hint of its own for a folder without a process. */
export const explained =
  (folder: string) =>
  (error: unknown): never => {
    throw error instanceof NoProcessError ? new NothingRunningError(folder, error) : error
  }
