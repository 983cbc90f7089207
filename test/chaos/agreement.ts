/** Whether all members hold the same: what is judged is the look that found it so, not a later one. */
import { until } from '../nat-lab/until.ts'
import type { ChaosMember } from './chaos-mesh.ts'
import { incarnationsIn } from './observers.ts'

/** What a member lists as online, itself included, and the incarnations that it holds on its disk. */
export interface Belief {
  name: string
  online: readonly string[]
  incarnations: Readonly<Record<string, number>>
}

/**
 * Looks at all each second, until all list all members and hold the same incarnations of them.
 * A member may announce itself anew between two looks, which is no disagreement that lasts.
 * @returns the last look, and ms until all agreed, undefined when they did not within `ms`
 */
export async function agreement(
  members: readonly ChaosMember[],
  ms: number,
): Promise<{ agreedMs: number | undefined; beliefs: readonly Belief[] }> {
  let beliefs: Belief[] = []
  const agree = async () => {
    beliefs = await Promise.all(members.map(beliefOf))
    return beliefs.every(({ online }) => online.length === members.length) && areSame(beliefs)
  }
  return { agreedMs: await until(agree, ms, 1_000), beliefs }
}

/** One that does not answer lists itself alone; one whose database cannot be read, as while it starts, holds nothing. */
async function beliefOf(member: ChaosMember): Promise<Belief> {
  const peers = await member.api.peers().catch(() => [])
  const online = [member.name, ...peers.filter(({ online }) => online).map(({ name }) => name)]
  return { name: member.name, online, incarnations: await incarnationsIn(member).catch(() => ({})) }
}

const areSame = (beliefs: readonly Belief[]): boolean =>
  new Set(beliefs.map(({ incarnations }) => JSON.stringify(Object.entries(incarnations).sort()))).size === 1
