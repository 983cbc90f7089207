import { setTimeout as wait } from 'node:timers/promises'

import { localClient } from '../local/local-client.ts'
import type { CallPath } from './calls.ts'
import type { Child } from './child.ts'
import { demoDefaults } from './defaults.ts'

/** How two agents that cannot be dialled reached each other. */
export interface FoundPath {
  from: string
  to: string
  /** Each path when it was first seen, ms after the first. */
  seen: { path: CallPath; ms: number }[]
}

/** Follows how `from` reaches `to` until it does without a relay, at most `demoDefaults.upgradeMs`. */
export async function followPath(from: Child, to: Child, signal: AbortSignal): Promise<FoundPath> {
  const seen: FoundPath['seen'] = []
  const client = localClient(from.data, signal)
  const end = performance.now() + demoDefaults.upgradeMs
  let first: number | undefined
  while (performance.now() < end) {
    const path = (await client.peers()).find(({ name }) => name === to.name)?.path
    if (path !== undefined && path !== seen.at(-1)?.path) {
      first ??= performance.now()
      seen.push({ path, ms: Math.round(performance.now() - first) })
    }
    if (path !== undefined && path !== 'relay') break
    await wait(demoDefaults.followMs, undefined, { signal })
  }
  return { from: from.name, to: to.name, seen }
}

/** `cleo and dan, neither of which listens: relay, then direct after 210 ms` */
export function foundPathText({ from, to, seen }: FoundPath): string {
  const steps = seen.map(({ path, ms }, index) => (index === 0 ? path : `${path} after ${ms} ms`))
  return `${from} and ${to}, neither of which listens: ${steps.join(', then ') || 'no path yet'}`
}
