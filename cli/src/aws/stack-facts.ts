/** Facts about a deployed stack, from its outputs. */
import { MeshError } from '@agent-mesh/protocol/errors'
import type { StackFacts } from '@agent-mesh/lambdas/operator/init-mesh'

import { readOutputs } from './cloud-formation.ts'

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
