import {
  evaluate,
  checkPolicyTests,
  MeshError,
  policyComparison,
  signPolicy,
  targetsOf,
  type MemberPolicyChange,
  type Policy,
  type WritePolicyReply,
  type WritePolicyRequest,
} from '@agent-mesh/protocol'
import { createHash } from 'node:crypto'
import type { Member } from '../store/parts/directory.ts'
import type { EnrolmentStore } from '../store/parts/enrolments.ts'
import type { Caller } from './callers.ts'
import { readPolicy } from './head-documents.ts'
import { memberPages } from './member-pages.ts'
import type { MeshParts } from './mesh-context.ts'

export interface PolicyWriting {
  /**
   * Replaces the policy number `expected`.
   * @throws MeshError invalid_argument when its own tests fail, permission_denied when no member could change it again,
   * conflict with details `{ number }` when another one is in force
   */
  write(request: WritePolicyRequest, by: Caller): Promise<WritePolicyReply>
  /** Makes the checks of {@link PolicyWriting.write} and returns what would change, for `limit` members at most. */
  dryRun(request: WritePolicyRequest, by: Caller, limit: number): Promise<WritePolicyReply>
}

export function policyWriting(
  mesh: MeshParts<
    'keys' | 'ring' | 'signer' | 'meshId' | 'clock' | 'changes',
    'headParts' | 'enrolments' | 'directory'
  >,
): PolicyWriting {
  const { store, clock, signer, meshId, changes } = mesh

  const check = async ({ policy, expected, force }: WritePolicyRequest, by: Caller): Promise<Policy> => {
    const { part, policy: before } = await readPolicy(mesh)
    if (part.number !== expected) throw stale(expected, part.number)
    checkPolicyTests(policy, 'write policy', 'nothing was written')
    if (force !== true && !(await staysManageable(store.enrolments, policy, by)))
      throw new MeshError(
        'permission_denied',
        'Cannot write policy: neither you, nor role:admin, nor any member it names could change it again',
        { hint: 'Grant manage on admin:policy, or force it.' },
      )
    return before
  }

  return {
    write: async (request, by) => {
      await check(request, by)
      const { policy, expected } = request
      const document = await signPolicy(signer, { mesh: meshId, number: expected + 1, policy })
      const hash = createHash('sha256').update(JSON.stringify(policy)).digest('base64url')
      const written = await store.headParts.writePart(
        'policy',
        expected,
        document,
        expected + 1,
        ({ number }) => ({
          at: clock.now(),
          who: by.peerId,
          what: 'policy',
          detail: { number, hash },
        }),
      )
      changes.emit('head')
      return { number: written.number, written: true }
    },

    dryRun: async (request, by, limit) => {
      const before = await check(request, by)
      const members = [subjectOf(by)]
      for await (const page of memberPages(store.directory))
        members.push(...page.filter(({ peerId }) => peerId !== by.peerId).map(subjectOf))
      const changed = changesOf(before, request.policy, members)
      return {
        number: request.expected,
        written: false,
        changes: changed.slice(0, limit),
        changed: changed.length,
        members: members.length,
      }
    },
  }
}

const stale = (expected: number, number: number) =>
  new MeshError('conflict', `Cannot write policy: number ${expected} was expected, ${number} is in force`, {
    details: { number },
    hint: 'Read it again ("agent-mesh policy get") and make your change to that one.',
  })

/** Whether a known member could manage the policy: the caller, the role admin, or a member named by its peer id. */
async function staysManageable(
  enrolments: Pick<EnrolmentStore, 'readEnrolment'>,
  policy: Policy,
  by: Caller,
): Promise<boolean> {
  const mayManage = (subject: { sub: string; name: string; roles: string[]; tags: string[] }): boolean =>
    evaluate(policy, subject, 'manage', 'admin:policy') !== undefined
  if (mayManage({ ...by, sub: by.peerId })) return true
  if (mayManage({ sub: '', name: '', roles: ['admin'], tags: [] })) return true
  const named = policy.grants.flatMap(({ from }) => from).filter(selector => selector.startsWith('peer:'))
  for (const selector of new Set(named)) {
    const found = await enrolments.readEnrolment(selector.slice('peer:'.length))
    if (found?.revokedAt === undefined && found && mayManage({ ...found, sub: found.peerId })) return true
  }
  return false
}

interface Somebody {
  sub: string
  name: string
  roles: string[]
  tags: string[]
  services: string[]
}

const subjectOf = (member: Caller | Member): Somebody => {
  const { peerId, name, roles, tags } = member
  const services = 'services' in member ? member.services.filter(key => !key.includes('@')) : []
  return { sub: peerId, name, roles, tags, services }
}

function changesOf(before: Policy, after: Policy, members: readonly Somebody[]): MemberPolicyChange[] {
  const services = new Set(members.flatMap(member => member.services))
  const changeOf = policyComparison(before, after, targetsOf([before, after], services))
  return members
    .map(member => ({ peerId: member.sub, name: member.name, ...changeOf(member) }))
    .filter(({ gained, lost }) => gained.length + lost.length > 0)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}
