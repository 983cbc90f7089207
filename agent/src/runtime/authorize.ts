/** The policy in force, as a question with a remembered answer. */
import { evaluate, MeshError, type Subject } from '@agent-mesh/protocol'
import type { HeadKeeper } from '../membership/head-keeper.ts'
import type { Authorize } from '../services/index.ts'
import { defaults } from './defaults.ts'

/**
 * Allows what the policy of the current head grants and denies everything else. A new policy forgets all answers, a
 * renewed credential those of its member.
 */
export function authorizeBy(head: HeadKeeper): Authorize {
  let answers = new WeakMap<Subject, Map<string, boolean>>()
  head.onChange(() => {
    answers = new WeakMap()
  })
  const ask = (from: Subject, to: string): boolean => {
    const known = answers.get(from) ?? new Map<string, boolean>()
    if (known.size >= defaults.rememberedAnswers) known.clear()
    answers.set(from, known)
    const allowed = known.get(to) ?? evaluate(head.current.policy, from, 'call', to) !== undefined
    known.set(to, allowed)
    return allowed
  }
  return ({ from, to }) => {
    if (ask(from, to)) return
    throw new MeshError(
      'permission_denied',
      `Cannot call ${to}: the policy grants it to no role of ${from.name}`,
      {
        hint: 'Ask whoever runs the mesh for a grant.',
      },
    )
  }
}
