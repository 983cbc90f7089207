/**
 * Policy: grants of who may do what to which target, deny by default. Selectors of `from`: `role:`, `name:`, `peer:`,
 * `tag:`, or `*`; of `to`: `service:math.add`, `topic:alerts`, `port:ssh`, `tool:files.read`, `admin:tokens`, with a
 * trailing `*` for the rest.
 */
import * as z from 'zod/mini'
import { MeshError } from './errors.ts'
import { fieldForms } from './field-forms.ts'
import { limits } from './limits.ts'

export const actions = ['call', 'publish', 'subscribe', 'manage', 'connect'] as const
export type Action = (typeof actions)[number]

/** Which actions each kind of target is asked for. */
const actionsOfKind = {
  service: ['call'],
  topic: ['publish', 'subscribe'],
  port: ['connect'],
  tool: ['call'],
  admin: ['manage'],
} as const satisfies Record<string, readonly Action[]>

/** Which actions a target or a pattern is asked for. @param target `service:math.*` */
export function actionsOf(target: string): readonly Action[] {
  const kind = target.slice(0, target.indexOf(':'))
  return Object.hasOwn(actionsOfKind, kind) ? actionsOfKind[kind as keyof typeof actionsOfKind] : []
}

export const selectorField = z
  .string()
  .check(z.regex(fieldForms.selector.pattern, { error: fieldForms.selector.not }))
const toField = z.string().check(
  z.regex(/^(?:service|topic|port|tool|admin):(?:[A-Za-z0-9._/-]{0,127}\*|[A-Za-z0-9._/-]{1,127})$/, {
    error: 'is not a target (service:math.*, topic:…, port:…, tool:…, admin:…)',
  }),
)

const grantSchema = z.strictObject({
  from: z.array(selectorField).check(z.minLength(1), z.maxLength(limits.grantEntries)),
  to: z.array(toField).check(z.minLength(1), z.maxLength(limits.grantEntries)),
  allow: z.array(z.enum(actions)).check(z.minLength(1), z.maxLength(actions.length)),
})

const testSchema = z.strictObject({
  from: selectorField,
  action: z.enum(actions),
  to: toField,
  expect: z.enum(['allow', 'deny']),
})

export const policySchema = z.strictObject({
  grants: z.array(grantSchema).check(z.maxLength(limits.grants)),
  tests: z.array(testSchema).check(z.maxLength(limits.policyTests)),
})

const understood = <T>(schema: z.ZodMiniType<T>, values: readonly unknown[]): T[] =>
  values.flatMap(value => {
    const parsed = z.safeParse(schema, value)
    return parsed.success ? [parsed.data] : []
  })

/** The entries of a list that are understood. */
const entriesOf = <T>(schema: z.ZodMiniType<T>) =>
  z.pipe(
    z.array(z.unknown()).check(z.maxLength(limits.grantEntries)),
    z.transform(entries => understood(schema, entries)),
  )

/** A grant without the entries that are not understood. An unknown field may narrow the grant: it is none then. */
const signedGrantSchema = z.pipe(
  z.strictObject({
    from: entriesOf(selectorField),
    to: entriesOf(toField),
    allow: entriesOf(z.enum(actions)),
  }),
  grantSchema,
)

/**
 * A policy inside a signed head, perhaps of a later version: what is not understood grants nothing, so it is left out
 * instead of refusing the whole head with its revocations (docs/adr/0004, docs/adr/0028).
 */
export const signedPolicySchema = z.pipe(
  z.looseObject({
    grants: z.array(z.unknown()).check(z.maxLength(limits.grants)),
    tests: z.optional(z.array(z.unknown()).check(z.maxLength(limits.policyTests))),
  }),
  z.transform(({ grants, tests = [] }): Policy => ({
    grants: understood(signedGrantSchema, grants),
    tests: understood(testSchema, tests),
  })),
)

export type Policy = z.output<typeof policySchema>
export type Grant = Policy['grants'][number]

/** What a new mesh starts with: visible and editable. */
export const defaultPolicy: Policy = {
  grants: [
    {
      from: ['role:agent', 'role:admin'],
      to: ['service:*', 'topic:*'],
      allow: ['call', 'publish', 'subscribe'],
    },
    { from: ['role:admin'], to: ['admin:*'], allow: ['manage'] },
  ],
  tests: [],
}

/** The part of a credential that policy reads. */
export interface Subject {
  sub: string
  name: string
  roles: readonly string[]
  tags: readonly string[]
}

/** All selectors that name this member. */
export const selectorsOf = (subject: Subject): Set<string> =>
  new Set([
    '*',
    `peer:${subject.sub}`,
    `name:${subject.name}`,
    ...subject.roles.map(role => `role:${role}`),
    ...subject.tags.map(tag => `tag:${tag}`),
  ])

/** What reaches the whole machine of a member: only a pattern that names it covers it, so that `service:*` opens no machine. */
const namedOnly = ['service:files.', 'service:exec.']

/** Whether a pattern of `to` covers a target; of a target that ends in `*`, all of it. */
export function covers(pattern: string, target: string): boolean {
  if (!pattern.endsWith('*')) return pattern === target
  const start = pattern.slice(0, -1)
  return (
    target.startsWith(start) &&
    !namedOnly.some(service => target.startsWith(service) && !start.startsWith(service))
  )
}

/** The first grant that allows it to these selectors; undefined: denied. */
export const findGrant = (policy: Policy, selectors: ReadonlySet<string>, action: Action, target: string) =>
  policy.grants.find(
    grant =>
      grant.allow.includes(action) &&
      grant.from.some(selector => selectors.has(selector)) &&
      grant.to.some(pattern => covers(pattern, target)),
  )

/** The first grant that allows `subject` to do `action` on `target`; undefined means denied. No policy: denied. */
export const evaluate = (
  policy: Policy | undefined,
  subject: Subject,
  action: Action,
  target: string,
): Grant | undefined =>
  policy === undefined ? undefined : findGrant(policy, selectorsOf(subject), action, target)

/** The tests of a policy that it does not pass, as sentences. A write with any is refused. */
export const failedPolicyTests = (policy: Policy): string[] =>
  policy.tests
    .filter(test => {
      const found = findGrant(policy, new Set(['*', test.from]), test.action, test.to)
      return (found !== undefined) !== (test.expect === 'allow')
    })
    .map(test => `${test.from} ${test.action} ${test.to}: expected ${test.expect}`)

/**
 * Refuses a policy that does not pass its own tests.
 * @param action for the error: `write policy` @param hint the consequence
 * @throws MeshError invalid_argument with details `{ failed }`
 */
export function checkPolicyTests(policy: Policy, action: string, hint: string): void {
  const failed = failedPolicyTests(policy)
  if (failed.length === 0) return
  throw new MeshError(
    'invalid_argument',
    `Cannot ${action}: ${failed.length} of its tests fail: ${failed[0]}`,
    { details: { failed }, hint: `Mend the grants or the tests; ${hint}.` },
  )
}
