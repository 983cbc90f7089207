/** Calls with bodies that go in parts, between two ends in one process. */
import type { MeshError } from '@agent-mesh/protocol'

/** 900 KiB of text. */
export const bulkBody = 'x'.repeat(900 * 1024)

/** Limits of the turn queue under which nothing is shed because bodies cost this process CPU. */
export const patient = { mostWaitMs: 60_000, standingWaitMs: 60_000 }

/** `ok`, or the code of the error, and whether the handler did not start. */
export const outcome = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'ok',
    (error: MeshError) => `${error.code}${error.notStarted ? ', not started' : ''}`,
  )
