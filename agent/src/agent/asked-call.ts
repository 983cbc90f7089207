import { systemWheelClock } from '../rpc/index.ts'
import type { CallAnswer, CallTargets, Explanation } from '../services/index.ts'
import type { Path } from '../transport/index.ts'

/** A result, the member that answered and the path of the call; no path when the agent answered itself. */
export interface AskedCall {
  value: unknown
  peerId: string
  name: string | undefined
  path: Path | undefined
  /** From request to reply, tries included. */
  ms: number
  /** With `explain: true`. */
  explanation?: Explanation
}

/** Measures a call, and names the member that answered. @throws what the call does */
export async function askedCall(
  targets: Pick<CallTargets, 'nameOf'>,
  ask: () => Promise<CallAnswer>,
  now: () => number = systemWheelClock.now,
): Promise<AskedCall> {
  const startedAt = now()
  const { value, peerId, path, explanation } = await ask()
  const ms = now() - startedAt
  const asked = { value, peerId, name: targets.nameOf(peerId), path, ms }
  return explanation === undefined ? asked : { ...asked, explanation }
}
