/** Decisions of the policy in force, cached. */
import { evaluate, MeshError, type Subject } from '@agent-mesh/protocol'
import type { HeadKeeper } from '../membership/head-keeper.ts'
import type { Authorize, ServedMethod } from '../services/index.ts'
import { memberDefaults } from './defaults.ts'

/** The policy in force, and when it changes. */
export interface PolicySource {
  readonly current: Pick<HeadKeeper['current'], 'policy'>
  onChange(listener: () => void): unknown
}

/**
 * Allows what the policy of the current head grants and denies everything else: calls where they arrive, publishing and
 * subscribing on both sides. A new policy forgets all answers, a renewed credential those of its member.
 */
export function authorizeBy(head: PolicySource): Authorize {
  let answers = noAnswers()
  head.onChange(() => {
    answers = noAnswers()
  })
  const remembered = (from: Subject, action: Asked): Map<string, boolean> => {
    let known = answers[action].get(from)
    if (known === undefined) answers[action].set(from, (known = new Map<string, boolean>()))
    else if (known.size >= memberDefaults.rememberedAnswers) known.clear()
    return known
  }
  const ask = (from: Subject, action: Asked, to: string): boolean => {
    const known = answers[action].get(from)?.get(to)
    if (known !== undefined) return known
    const allowed = evaluate(head.current.policy, from, action, to) !== undefined
    remembered(from, action).set(to, allowed)
    return allowed
  }
  return ({ from, action, to }) => {
    if (ask(from, action, to)) return
    throw new MeshError(
      'permission_denied',
      `Cannot ${action} ${to}: the policy grants it to no role of ${from.name}`,
      {
        hint: `Ask an admin of the mesh for a grant ("agent-mesh policy explain ${from.name} ${action} ${to}").`,
      },
    )
  }
}

/** Asks about a call, or another action, without a denial on record. */
export const allowedBy =
  (judge: Authorize) =>
  (from: Subject, to: string, action: Asked = 'call', allow?: readonly string[]): boolean => {
    try {
      judge({ from, action, to, allow })
      return true
    } catch {
      return false
    }
  }

/** Of methods that are served. */
export const callsAllowedBy =
  (allows: ReturnType<typeof allowedBy>) =>
  (from: Subject, { target, allow }: Pick<ServedMethod, 'target' | 'allow'>): boolean =>
    allows(from, target, 'call', allow)

type Asked = Parameters<Authorize>[0]['action']

/** A cache for each action: a key of two words would be built anew for every call. */
const noAnswers = (): Record<Asked, WeakMap<Subject, Map<string, boolean>>> => ({
  call: new WeakMap(),
  publish: new WeakMap(),
  subscribe: new WeakMap(),
  connect: new WeakMap(),
})
