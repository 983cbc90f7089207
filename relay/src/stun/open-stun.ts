import type { Logger } from '@agent-mesh/agent'
import { toMeshError } from '@agent-mesh/protocol'
import { StunServer } from './stun-server.ts'

export interface StunChoice {
  /** First of two UDP ports; 0: any two. */
  port: number
  /** Goes without when a port is taken, and says so. @default false */
  optional?: boolean
}

/** @throws MeshError invalid_argument when the port is taken and was asked for */
export async function openStun(choice: StunChoice | undefined, log: Logger): Promise<StunServer | undefined> {
  if (choice === undefined) return undefined
  const server = new StunServer({ port: choice.port })
  try {
    await server.start()
    return server
  } catch (error) {
    if (choice.optional !== true) throw error
    const { message, hint } = toMeshError(error, 'unavailable', 'answer STUN')
    log.warn({ event: 'stun-not-started', reason: message, hint }, 'goes without STUN')
    return undefined
  }
}
