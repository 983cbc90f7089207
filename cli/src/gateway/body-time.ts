import { MeshError } from '@agent-mesh/protocol/errors'
import { sleep } from '@agent-mesh/protocol/timers'

import { gatewayDefaults } from './defaults.ts'

/** What a client sends at once, in time; messages of a stream may take days. @throws MeshError deadline_exceeded */
export async function inBodyTime<T>(reading: Promise<T>, action: string): Promise<T> {
  const { bodyMs } = gatewayDefaults
  const read = new AbortController()
  const late = sleep(bodyMs, { signal: read.signal }).then((): never => {
    throw new MeshError('deadline_exceeded', `Cannot ${action}: its body took over ${bodyMs} ms`)
  })
  try {
    return await Promise.race<T>([reading, late])
  } finally {
    read.abort()
    void late.catch(() => undefined)
  }
}
