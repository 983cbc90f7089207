import { shownValue } from '@agent-mesh/protocol/shown-value'
import { invalidArgument } from '../../core/invalid-argument.ts'

const most = 999_999

/** Of a service or a topic. @throws MeshError `invalid_argument` for one that no record and no message can carry */
export function checkVersion(version: unknown, action: string): void {
  if (typeof version === 'number' && Number.isInteger(version) && version >= 1 && version <= most) return
  throw invalidArgument(action, `its version is ${shownValue(version)}, not 1 to ${most}`)
}
