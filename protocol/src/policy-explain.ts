/** Why a policy allows or denies an action: the grant that allows it, or the nearest one and what it lacks. */
import { covers, findGrant, type Action, type Grant, type Policy } from './policy.ts'

/** A grant with its place in the policy, counted from 0. */
export interface PlacedGrant {
  index: number
  grant: Grant
}

export type Explanation =
  | { allowed: true; by: PlacedGrant; text: string }
  | {
      allowed: false
      /** `policy`: none is known; else what the nearest grant lacks. `selector`: it is for others. */
      missing: 'policy' | 'selector' | 'target' | 'action'
      nearest?: PlacedGrant
      text: string
    }

export interface PolicyQuestion {
  /** The selectors of the member: {@link selectorsOf}, or one selector and `*`. */
  selectors: ReadonlySet<string>
  action: Action
  target: string
}

/** A grant as a sentence. */
export const describeGrant = ({ from, to, allow }: Grant): string =>
  `from ${from.join(', ')}: ${allow.join(', ')} ${to.join(', ')}`

/** People count from 1. */
const placeText = ({ grants }: Policy, { index }: Pick<PlacedGrant, 'index'>): string =>
  `grant ${index + 1} of ${grants.length}`

/** Decides as {@link evaluate} does, and says why. */
export function explainPolicy(policy: Policy | undefined, question: PolicyQuestion): Explanation {
  if (policy === undefined)
    return { allowed: false, missing: 'policy', text: 'no policy is known, so everything is denied' }
  const { selectors, action, target } = question
  const grant = findGrant(policy, selectors, action, target)
  if (grant === undefined) return denial(policy, question)
  const by = { index: policy.grants.indexOf(grant), grant }
  return { allowed: true, by, text: `${placeText(policy, by)} allows it (${describeGrant(grant)})` }
}

/** The nearest grant fits in most: it is for this member and covers the target, then the action, then it is for others. */
function denial(policy: Policy, { selectors, action, target }: PolicyQuestion): Explanation {
  const placed = policy.grants.map((grant, index) => ({ index, grant }))
  const own = placed.filter(({ grant }) => grant.from.some(selector => selectors.has(selector)))
  const reaches = ({ grant }: PlacedGrant) => grant.to.some(pattern => covers(pattern, target))
  const allows = ({ grant }: PlacedGrant) => grant.allow.includes(action)
  const names = [...selectors].join(', ')

  if (own.length === 0) {
    const nearest = placed.find(candidate => reaches(candidate) && allows(candidate))
    return lacks(policy, 'selector', nearest, `no grant is for any of ${names}`)
  }
  const wrongAction = own.find(reaches)
  if (wrongAction !== undefined)
    return lacks(policy, 'action', wrongAction, `no grant for ${names} allows to ${action} ${target}`)
  const nearest = own.find(allows) ?? own[0]
  return lacks(policy, 'target', nearest, `no grant for ${names} covers ${target}`)
}

const lacks = (
  policy: Policy,
  missing: 'selector' | 'target' | 'action',
  nearest: PlacedGrant | undefined,
  reason: string,
): Explanation =>
  nearest === undefined
    ? { allowed: false, missing, text: reason }
    : {
        allowed: false,
        missing,
        nearest,
        text: `${reason}; the nearest is ${placeText(policy, nearest)} (${describeGrant(nearest.grant)})`,
      }
