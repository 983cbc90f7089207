/** Compares the rights that a token grants with those of its maker: no member grants more than it has. */
import {
  findGrant,
  selectorsOf,
  type Action,
  type Grant,
  type Policy,
  type Subject,
} from '@agent-mesh/protocol'
import type { EnrolmentStore } from '../store/parts/enrolments.ts'

/** What a token fixes. Without a name the new member chooses one. */
export type Newcomer = Pick<Subject, 'roles' | 'tags'> & { name?: string }

export interface Right {
  action: Action
  target: string
}

/**
 * The first right of the new member that the maker lacks, in the order of the policy; undefined when there is none. A target
 * with a trailing `*` is compared as a whole: one grant of the maker has to cover it.
 */
export async function excessRight(
  enrolments: Pick<EnrolmentStore, 'findEnrolment'>,
  policy: Policy,
  maker: Subject,
  newcomer: Newcomer,
): Promise<Right | undefined> {
  const own = selectorsOf(maker)
  const theirs = await selectorsOfNewcomer(enrolments, policy, newcomer)
  return policy.grants
    .filter(({ from }) => from.some(selector => theirs.has(selector)))
    .flatMap(rightsOf)
    .find(({ action, target }) => findGrant(policy, own, action, target) === undefined)
}

const rightsOf = ({ allow, to }: Grant): Right[] =>
  allow.flatMap(action => to.map(target => ({ action, target })))

/** With the names of the policy that the new member can get: its own, else every free one. */
async function selectorsOfNewcomer(
  enrolments: Pick<EnrolmentStore, 'findEnrolment'>,
  policy: Policy,
  { roles, tags, name }: Newcomer,
): Promise<Set<string>> {
  const selectors = selectorsOf({ sub: '', name: name ?? '', roles, tags })
  const prefix = 'name:'
  const named = new Set(policy.grants.flatMap(({ from }) => from).filter(each => each.startsWith(prefix)))
  for (const selector of named) {
    const wanted = selector.slice(prefix.length)
    // A name in use gets a number appended.
    if (name !== undefined && !wanted.startsWith(`${name.slice(0, 55)}`)) continue
    if ((await enrolments.findEnrolment({ name: wanted })) === undefined) selectors.add(selector)
  }
  return selectors
}
