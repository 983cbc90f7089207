import type { RestoredMesh } from '@agent-mesh/lambdas'

/** What an operator is told after a restore: what is lost with the time since the backup, and what to do about it. */
export function restoredText({ lastEntryAt }: RestoredMesh, flags: string): string[] {
  const command = `agent-mesh${flags}`
  const end = lastEntryAt === undefined ? 'an unknown time' : new Date(lastEntryAt).toISOString()
  return [
    'The mesh is taken up from its backup: members take its policy, relays and revocations, and read the map anew.',
    `Its audit log ended at ${end}. What was done later is lost; do it again:`,
    `  revocations   ${command} revoke NAME. Until then who was revoked since is let in. Agents and relays have on record`,
    '                whom they cut off: agent-mesh audit tail --where local, there',
    '  joins         who joined since is unknown, its status says so: it joins again with a new token. To put all such out',
    `                at once, also those revoked since: ${command} admin rotate-key --revoke`,
    `  tokens        ${command} token list. Those used or revoked since are good again: token revoke ID`,
    `  policy        ${command} policy get shows the one in force`,
  ]
}
