import { toMeshError } from '@agent-mesh/protocol/errors'
import type { LocalCallReply } from '@agent-mesh/protocol/local-api'

import { localClient } from '../local/local-client.ts'
import type { Child } from './child.ts'
import { demoDefaults } from './defaults.ts'

export type CallPath = NonNullable<LocalCallReply['path']>

/** How a call between one ordered pair of agents went. */
export type PairCall = { from: string; to: string } & (
  { ok: true; path: CallPath; ms: number } | { ok: false; reason: string }
)

/** Calls `host.info` from every agent at every other one, all at once; retries are inside each call. */
export function callAllPairs(agents: readonly Child[], signal: AbortSignal): Promise<PairCall[]> {
  const pairs = agents.flatMap(from => agents.filter(to => to !== from).map(to => [from, to] as const))
  return Promise.all(pairs.map(([from, to]) => callPair(from, to, signal)))
}

async function callPair(from: Child, to: Child, signal: AbortSignal): Promise<PairCall> {
  const pair = { from: from.name, to: to.name }
  try {
    const request = { method: 'host.info', peer: to.name, timeoutMs: demoDefaults.callMs, idempotent: true }
    const { path, ms } = await localClient(from.data, signal).call(request)
    if (path === undefined) return { ...pair, ok: false, reason: 'the reply names no path' }
    return ms <= demoDefaults.callMs
      ? { ...pair, ok: true, path, ms }
      : { ...pair, ok: false, reason: `took ${ms} ms` }
  } catch (error) {
    return { ...pair, ok: false, reason: toMeshError(error, 'internal', 'call').message }
  }
}

/** Paths of the calls that succeeded. */
export function countPaths(calls: readonly PairCall[]): Record<CallPath, number> {
  const count = { direct: 0, webrtc: 0, relay: 0 }
  for (const call of calls) if (call.ok) count[call.path]++
  return count
}
