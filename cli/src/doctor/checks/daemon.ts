import { MeshError } from '@agent-mesh/protocol/errors'
import { version } from '@agent-mesh/protocol/version'

import { NothingRunningError } from '../../exit-codes.ts'
import { duration } from '../../show/units.ts'
import { fail, ok, warn, type Check } from '../finding.ts'

export const daemon: Check = {
  name: 'process',
  look: ({ daemon: status, now, flags, kind }) => {
    const start =
      kind === 'control-plane' ? `agent-mesh${flags} control-plane` : `agent-mesh${flags} up (or relay)`
    if (status instanceof NothingRunningError && kind === 'admin')
      return ok('none, and none is needed: this context administers a mesh elsewhere')
    if (status instanceof NothingRunningError)
      return warn(
        'nothing runs in this context',
        `Start it: ${start}. A context that only administers needs no process.`,
      )
    if (status instanceof MeshError)
      return fail(
        status.message,
        status.hint ?? 'The process or its disk hangs: read its log, then restart it.',
      )
    const { kind: what, pid, startedAt, ready } = status
    if (!ready)
      return fail(
        `the ${what} (pid ${pid}) is not ready`,
        'The other lines and the log of the process have the reason.',
      )
    return ok(`${what} is running for ${duration(now - startedAt)}, pid ${pid}`)
  },
}

export const versions: Check = {
  name: 'version',
  look: ({ daemon: status }) => {
    if (status instanceof MeshError) return undefined
    if (status.version === version) return ok(version)
    return warn(
      `${status.version} is running, ${version} is installed`,
      'Restart the process to run the installed version: running calls end first.',
    )
  },
}

export const relays: Check = {
  name: 'relays',
  look: ({ daemon: status, member, kind }) => {
    if (kind !== 'member') return undefined
    const advice =
      'Members behind NAT are not reachable without a relay: check that relays run and that their addresses are reachable from here.'
    if (!(status instanceof MeshError)) {
      if (status.kind !== 'agent') return undefined
      const reserved = status.relays.filter(relay => relay.reserved)
      const names = reserved.map(({ name, peerId }) => name ?? peerId).join(', ')
      return reserved.length > 0 ? ok(`reachable through ${names}`) : warn('no relay is reachable', advice)
    }
    const head = member?.head
    if (head === undefined || head instanceof MeshError) return undefined
    return head.relays.length > 0
      ? ok(`the mesh has ${head.relays.length}`)
      : warn('the mesh has none', advice)
  },
}

/** The process warns of clones of others, too: those are not for this machine. */
const isOwnClone = (text: string): boolean => /^cloned key: .* this member/.test(text)

/** Two processes with one key: each publishes over the other. */
export const clone: Check = {
  name: 'copies',
  look: ({ daemon: status, member, controlPlane, flags }) => {
    if (member === undefined) return undefined
    const advice = `Each machine needs a key of its own: on the copy, rename the folder and join with a new token. If you made no copy, the key was stolen: have an admin revoke it (agent-mesh${flags} revoke NAME).`
    const self = controlPlane?.self
    const published = self === undefined || self instanceof MeshError ? undefined : self.incarnation
    if (published !== undefined && published > member.incarnation)
      return fail('cloned key: a record was published with it that was not signed here', advice)
    const warned = status instanceof MeshError ? undefined : status.warnings.find(isOwnClone)
    if (warned !== undefined) return fail(warned, advice)
    return published === undefined ? undefined : ok('no other process was seen with this key')
  },
}

/** Warnings of the process that no other check reports. */
export const warnings: Check = {
  name: 'warnings',
  look: ({ daemon: status, flags }) => {
    if (status instanceof MeshError || status.warnings.length === 0) return undefined
    const found = status.warnings.map(each => each.replace(/\.$/, '')).join('; ')
    return warn(found, `A warning disappears with its cause: agent-mesh${flags} status.`)
  },
}
