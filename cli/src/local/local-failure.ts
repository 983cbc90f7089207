import { NoProcessError } from '@agent-mesh/agent/gateway/local-socket'

import { NothingRunningError } from '../exit-codes.ts'

/** A failure of a request on the local socket: for a folder without a process, the command has an exit code and a hint of its own. */
export const commandFailure = (error: unknown, folder: string): unknown =>
  error instanceof NoProcessError ? new NothingRunningError(folder, error) : error

/** Handles {@link commandFailure}s of promises. */
export const explained =
  (folder: string) =>
  (error: unknown): never => {
    throw commandFailure(error, folder)
  }
