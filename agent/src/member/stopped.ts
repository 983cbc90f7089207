/** The refusal of a member that has stopped. */
import { MeshError } from '@agent-mesh/protocol'

/** @param action what was asked for: `call math.add` @throws MeshError going_away, not started, when it has stopped */
export function refuseAfterStop(stopped: boolean, kind: 'agent' | 'relay', action: string): void {
  if (!stopped) return
  throw new MeshError('going_away', `Cannot ${action}: this ${kind} has stopped`, {
    notStarted: true,
    hint: `Start another ${kind}: one that has stopped does not start again.`,
  })
}
