/** What the running process says of its own health: the checks that `status` and `/ready` show, and its acts of recovery. */
import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalCheck } from '@agent-mesh/protocol/local-api'

import { duration } from '../../show/units.ts'
import { fail, ok, warn, type Check } from '../finding.ts'

const described = ({ name, level, reason = level, damped }: LocalCheck): string =>
  `${name}: ${reason}${damped === true ? ' (it changed more than 6 times in 10 min: its bad state stays until it is calm)' : ''}`

export const processChecks: Check = {
  name: 'checks',
  look: ({ daemon: status, flags }) => {
    if (status instanceof MeshError || status.checks === undefined) return undefined
    const bad = status.checks.filter(({ level }) => level !== 'passing')
    if (bad.length === 0) return ok(`all ${status.checks.length} checks of the process pass`)
    const found = bad.map(described).join('; ')
    const advice = `Each check of the process, and since when: agent-mesh${flags} status --json.`
    return bad.every(({ level }) => level === 'warning') ? warn(found, advice) : fail(found, advice)
  },
}

/** Acts of the last hour are of interest: those of a process that recovered long ago are not. */
const recentMs = 3_600_000

export const recovery: Check = {
  name: 'recovery',
  look: ({ daemon: status, now }) => {
    if (status instanceof MeshError || status.acts === undefined) return undefined
    const recent = status.acts.filter(({ at }) => now - at < recentMs)
    if (recent.length === 0) return ok('nothing to recover from in the last hour')
    const text = recent
      .slice(-4)
      .map(({ at, supervisor, act, times }) => {
        const often = times > 1 ? `, ${times} times` : ''
        return `${duration(Math.max(0, now - at))} ago ${supervisor}: ${act}${often}`
      })
      .join('; ')
    return ok(text)
  },
}
