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
  description: 'read, test and replace the policy of the mesh',
  help: `
These commands ask the control plane with the admin key of the context. docs/policy.md describes the language.

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
      '\nThe output can be edited and passed to "policy set".\n\nExamples:\n  $ agent-mesh policy get > policy.json',
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
    .option('--dry-run', 'write nothing; show what would change for which member')
    .option('--force', 'write it even if no known member could change it again')
    .option('--limit <n>', 'number of members that --dry-run lists, at most', countUpTo(1_000), 100)
    .addHelpText(
      'after',
      `
The "number" in the file names the policy that it was made from. If another policy is in force by now, nothing is written.

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
  if (written) return `Policy ${number} is in force and is sent to the members.`
  const summary = `Nothing was written. The policy would change permissions of ${changed} of ${members} members.`
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
    .description('run the tests of a policy file, or of the policy in force')
    .argument('[file]', 'JSON or YAML, as "policy get" prints it; - for standard input')
    .addHelpText(
      'after',
      `
A file is tested on this machine, without the control plane. Warnings name grants without effect: a grant that another one
covers, an action that does not apply to its targets. For the policy in force, and in "policy set --dry-run", they also name
members and services that the mesh does not have. Warnings do not change the exit code.

Examples:
  $ agent-mesh policy test policy.json
  $ agent-mesh policy test

Exit codes: 0 all tests pass, 1 a test fails, 2 the file is not a policy.`,
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
    .description('explain which grant allows an action, or what is missing')
    .argument('<who>', 'name or peer id of a member, or a selector: role:ops, tag:web, *', parseSubject)
    .addArgument(new Argument('<action>').choices(actions))
    .argument('<what>', 'target: service:math.add, topic:alerts, port:ssh, admin:tokens', parseTarget)
    .addHelpText(
      'after',
      `
Examples:
  $ agent-mesh policy explain web-1 call service:deploy.run
  $ agent-mesh policy explain role:ops manage admin:tokens

Exit codes: 0 allowed, 4 the control plane refuses to answer, 7 no such member, 9 denied by the policy.`,
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
