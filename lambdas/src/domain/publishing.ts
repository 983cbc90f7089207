import { MeshError, verifyRecord, type MemberRecord } from '@agent-mesh/protocol'
import type { Caller } from './callers.ts'
import type { MeshParts } from './mesh-context.ts'
import type { RelayRoster } from './relay-roster.ts'

export interface Publishing {
  /**
   * Puts the caller's record in the map, a relay's addresses also in the head.
   * @throws MeshError unauthenticated, permission_denied, mesh_full, conflict with details `{ incarnation }`
   */
  publish(caller: Caller, record: string): Promise<{ incarnation: number }>
  /** Removes the caller from the map; no error when it is not in the map. */
  leave(caller: Caller): Promise<void>
}

/** Keys a record is found by: each service with and without its version. */
const serviceKeys = ({ services }: MemberRecord): string[] => [
  ...new Set(services.flatMap(ref => [ref, ref.slice(0, ref.lastIndexOf('@'))])),
]

const isRelay = (caller: Caller): boolean => caller.roles.includes('relay')

export function publishing(
  { store, clock, changes }: MeshParts<'clock' | 'changes', 'directory'>,
  roster: RelayRoster,
): Publishing {
  const verified = async (caller: Caller, jws: string): Promise<MemberRecord> => {
    const { peerId, record } = await verifyRecord(jws, clock.now())
    const refuse = (reason: string) =>
      new MeshError('unauthenticated', `Cannot publish record of ${caller.name}: ${reason}`)
    if (peerId !== caller.peerId) throw refuse(`it is signed by ${peerId}`)
    if (record.serial !== caller.serial)
      throw refuse(`its serial is not that of the enrolment, ${caller.serial}`)
    if (!caller.roles.some(role => role === 'agent' || role === 'relay'))
      throw new MeshError(
        'permission_denied',
        `Cannot publish record of ${caller.name}: it is no agent or relay`,
      )
    return record
  }

  return {
    publish: async (caller, jws) => {
      const record = await verified(caller, jws)
      const region = record.region ?? caller.region
      const where = region === undefined ? {} : { region }
      const { peerId, serial, name } = caller
      const { incarnation, addrs } = record
      const put = { peerId, serial, incarnation, record: jws, services: serviceKeys(record), ...where }
      const { written } = await store.directory.putMember(put)
      if (written) changes.emit('map')
      // Also when nothing was written: a crash may have happened between the two writes.
      if (isRelay(caller)) await roster.put({ peerId, name, addrs, ...where })
      return { incarnation }
    },

    leave: async caller => {
      try {
        await store.directory.removeMember(caller.peerId, caller.serial)
        changes.emit('map')
      } catch (error) {
        if (!(error instanceof MeshError) || error.code !== 'not_found') throw error
      }
      if (isRelay(caller)) await roster.remove(caller.peerId)
    },
  }
}
