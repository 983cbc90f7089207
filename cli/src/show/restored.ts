import type { RestoredMesh } from '@agent-mesh/lambdas'

/** For the operator after a restore: the changes since the backup are lost, and what to do. */
export function restoredText({ lastEntryAt }: RestoredMesh, flags: string): string[] {
  const command = `agent-mesh${flags}`
  const end = lastEntryAt === undefined ? 'an unknown time' : new Date(lastEntryAt).toISOString()
  return [
    'The mesh is resumed from its backup. Members accept its policy, relays and revocations, and read the map again.',
    `The audit log of the backup ends at ${end}. Changes after that time are lost; make them again:`,
    `  revocations   ${command} revoke NAME. Until then, members that were revoked after the backup are admitted. Agents`,
    '                and relays have recorded which members they disconnected: agent-mesh audit tail --where local, there',
    '  joins         Members that joined after the backup are unknown, and their status says so. They join again with a',
    `                new token. To disconnect all of them at once: ${command} admin rotate-key --revoke`,
    `  tokens        ${command} token list. Tokens that were used or revoked after the backup are valid again:`,
    `                ${command} token revoke ID`,
    `  policy        ${command} policy get shows the policy in force`,
  ]
}
