import { onCall, type Register } from './define.ts'

/** `agent-mesh admin schema`. */
export const registerSchema: Register = (admin, finish) => {
  const command = admin
    .command('schema')
    .description('show the versions of the database schemas that this build writes')
    .addHelpText(
      'after',
      `
A control plane brings an older database up to these versions at its start, and refuses a newer one. DynamoDB has no schema.

Examples:
  $ agent-mesh admin schema
  $ agent-mesh admin schema --json | jq .postgres`,
    )
  onCall<object, []>(command, finish, async ({ output }) => {
    const { schemaVersions } = await import('@agent-mesh/lambdas/store/schemas')
    output.result(schemaVersions, () =>
      Object.entries(schemaVersions).map(([kind, version]) => `${kind}: ${version}`),
    )
  })
}
