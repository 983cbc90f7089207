/** What a deployed stack says of itself: the one file of the command that asks CloudFormation. */
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { StackFacts } from '@agent-mesh/lambdas/operator/init-mesh'

const names = {
  publicUrl: 'PublicUrl',
  table: 'TableName',
  authorityKeyIds: 'AuthorityKeyArns',
  maxMembers: 'MaxMembers',
} as const

/**
 * Reads the outputs of a stack with the credentials and the region that the AWS SDK finds.
 * @throws MeshError not_found without such a stack, unavailable when AWS does not answer
 */
export async function stackFacts(stack: string): Promise<StackFacts> {
  const outputs = await readOutputs(stack)
  const output = (name: keyof typeof names): string => {
    const value = outputs.get(names[name])
    if (value !== undefined) return value
    throw new MeshError('not_found', `Cannot use stack ${stack}: it has no output ${names[name]}`, {
      hint: 'Deploy it again with this version: agent-mesh deploy aws.',
    })
  }
  return {
    publicUrl: output('publicUrl').replace(/\/+$/, ''),
    table: output('table'),
    authorityKeyIds: output('authorityKeyIds').split(','),
    maxMembers: Number(output('maxMembers')),
  }
}

async function readOutputs(stack: string): Promise<Map<string, string>> {
  const client = new CloudFormationClient()
  try {
    const { Stacks: [found] = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }))
    return new Map(found?.Outputs?.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const missing = reason.includes('does not exist')
    throw new MeshError(missing ? 'not_found' : 'unavailable', `Cannot read stack ${stack}: ${reason}`, {
      cause,
      hint: missing
        ? 'Check the name, the region (AWS_REGION) and the account.'
        : 'Check the credentials (AWS_PROFILE or AWS_ACCESS_KEY_ID) and the region (AWS_REGION).',
    })
  } finally {
    client.destroy()
  }
}
