import type { Action } from '@agent-mesh/protocol'
import type { WritePolicyReply } from '@agent-mesh/protocol/api/policy'
import { Argument, type Command } from 'commander'

import { countUpTo } from '../arguments.ts'
import { exitCodes } from '../exit-codes.ts'
import { parseSubject, parseTarget } from '../name-arguments.ts'
import { jsonLines, type Output } from '../show/output.ts'
import type { Text } from '../show/text.ts'
import { askControlPlane } from './ask-control-plane.ts'
import { groupOf, onCall, type Finish } from './define.ts'

export const registerPolicy = groupOf({
  name: 'policy',
  description: 'read, test and replace the policy: who may do what',
  help: `
These ask the control plane with the admin key of the context. The language: docs/policy.md.

Examples:
  $ agent-mesh policy get > policy.json
  $ agent-mesh policy test policy.json
  $ agent-mesh policy set policy.json --dry-run
  $ agent-mesh policy set policy.json
  $ agent-mesh policy explain web-1 call service:deploy.run`,
  commands: [registerGet, registerSet, registerTest, registerExplain],
})

function registerGet(policy: Command, finish: Finish): void {
  const command = policy
    .command('get')
    .description('print the policy in force')
    .addHelpText(
      'after',
      '\nThe output is what "policy set" takes.\n\nExamples:\n  $ agent-mesh policy get > policy.json',
    )
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { number, policy: inForce } = await askControlPlane(settings, client => client.policy(signal))
    const file = { number, ...inForce }
    output.result(file, () => jsonLines(file))
  })
}

interface SetOptions {
  dryRun?: boolean
  force?: boolean
  limit: number
}

function registerSet(policy: Command, finish: Finish): void {
  const command = policy
    .command('set')
    .description('replace the policy; its own tests must pass')
    .argument('<file>', 'JSON or YAML, as "policy get" prints it; - for standard input')
    .option('--dry-run', 'write nothing; tell what would change for whom')
    .option('--force', 'even if nobody known could change it again')
    .option('--limit <n>', 'number of members that --dry-run lists, at most', countUpTo(1_000), 100)
    .addHelpText(
      'after',
      `
A "number" in the file says which policy it was made from: if another one is in force by now, nothing is written.

Examples:
  $ agent-mesh policy set policy.json --dry-run
  $ agent-mesh policy get | jq '.tests += [$t]' --argjson t "$TEST" | agent-mesh policy set -`,
    )
  onCall<SetOptions, [string]>(command, finish, async ({ settings, options, output, signal }, file) => {
    const { readPolicyFile } = await import('../data/policy-file.ts')
    const { checkPolicyTests } = await import('@agent-mesh/protocol/policy')
    const { warningsOf, knownNames } = await import('../data/policy-warnings.ts')
    const { number, policy: wanted, placeOf } = await readPolicyFile(file)
    checkPolicyTests(wanted, 'use policy', 'nothing was sent')
    const { dryRun = false, force = false, limit } = options
    const { reply, known } = await askControlPlane(settings, async client => {
      const expected = number ?? (await client.policy(signal)).number
      const written = await client.writePolicy({ policy: wanted, expected, force }, { dryRun, limit }, signal)
      return { reply: written, known: dryRun ? await knownNames(client, signal) : undefined }
    })
    const warnings = warningsOf(wanted, placeOf, known)
    output.result({ ...reply, ...(warnings.length > 0 && { warnings }) }, () => [
      ...warnings.map(text => warningText(text, output)),
      ...[describeWrite(reply, output)].flat(),
    ])
  })
}

const warningText = (text: string, output: Output): string => `${output.style('yellow', 'warning')} ${text}`

function describeWrite(
  { number, written, changes = [], changed = 0, members = 0 }: WritePolicyReply,
  output: Output,
): Text {
  if (written) return `Policy ${number} is in force; members hear of it now.`
  const summary = `Nothing was written. It would change something for ${changed} of ${members} members.`
  if (changes.length === 0) return summary
  const listed = (permissions: { action: string; target: string }[]) =>
    permissions.map(({ action, target }) => `${action} ${target}`).join(', ') || '-'
  const rows = changes.map(({ name, gained, lost }) => [name, listed(gained), listed(lost)])
  const more = changed > changes.length ? [`… and ${changed - changes.length} more: --limit`] : []
  return [output.table(['NAME', 'GAINS', 'LOSES'], rows), ...more, summary]
}

function registerTest(policy: Command, finish: Finish): void {
  const command = policy
    .command('test')
    .description('run the tests of a policy file here, or of the policy in force')
    .argument('[file]', 'JSON or YAML, as "policy get" prints it; - for standard input')
    .addHelpText(
      'after',
      `
A file is tested here, without the control plane. Warnings name what can never count: a grant that another one covers, an
action that none of its targets is asked for; of the policy in force, and in "policy set --dry-run", also names and services
that no member has. They change no exit code.

Examples:
  $ agent-mesh policy test policy.json
  $ agent-mesh policy test

Exit codes: 0 all pass, 1 a test fails, 2 the file is not a policy.`,
    )
  onCall<object, [string | undefined]>(command, finish, async ({ settings, output, signal }, file) => {
    const { readPolicyFile } = await import('../data/policy-file.ts')
    const { failedPolicyTests } = await import('@agent-mesh/protocol/policy')
    const { knownNames, plainPlace, warningsOf } = await import('../data/policy-warnings.ts')
    const asked =
      file === undefined
        ? await askControlPlane(settings, async client => ({
            policy: (await client.policy(signal)).policy,
            placeOf: plainPlace,
            known: await knownNames(client, signal),
          }))
        : { ...(await readPolicyFile(file)), known: undefined }
    const failed = failedPolicyTests(asked.policy)
    const { length: tests } = asked.policy.tests
    const warnings = warningsOf(asked.policy, asked.placeOf, asked.known)
    output.result({ tests, failed, ...(warnings.length > 0 && { warnings }) }, () => [
      ...warnings.map(text => warningText(text, output)),
      ...failed.map(test => `${output.style('red', 'fails')} ${test}`),
      failed.length === 0 ? `${tests} of ${tests} tests pass.` : `${failed.length} of ${tests} fail.`,
    ])
    return failed.length === 0 ? undefined : exitCodes.failure
  })
}

const actions = ['call', 'publish', 'subscribe', 'connect', 'manage'] as const satisfies readonly Action[]

function registerExplain(policy: Command, finish: Finish): void {
  const command = policy
    .command('explain')
    .description('explain which grant allows something, or what is missing')
    .argument('<who>', 'name or peer id of a member, or a selector: role:ops, tag:web, *', parseSubject)
    .addArgument(new Argument('<action>').choices(actions))
    .argument('<what>', 'target: service:math.add, topic:alerts, port:ssh, admin:tokens', parseTarget)
    .addHelpText(
      'after',
      `
Examples:
  $ agent-mesh policy explain web-1 call service:deploy.run
  $ agent-mesh policy explain role:ops manage admin:tokens

Exit codes: 0 allowed, 9 denied by the policy, 4 the control plane refuses to answer, 7 no such member.`,
    )
  onCall<object, [string, Action, string]>(
    command,
    finish,
    async ({ settings, output, signal }, who, action, target) => {
      const { explainFor } = await import('../data/policy-file.ts')
      const answer = await askControlPlane(settings, client =>
        explainFor(client, { who, action, target }, signal),
      )
      const word = answer.allowed ? output.style('green', 'allowed') : output.style('red', 'denied')
      output.result(answer, () => `${word}: ${answer.text}`)
      return answer.allowed ? exitCodes.ok : exitCodes.policyDenies
    },
  )
}
