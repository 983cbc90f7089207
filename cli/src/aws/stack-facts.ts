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
 * @param mesh `STACK`, or `STACK/ID` where the mesh is the construct ID in a stack of another app: its outputs begin with the ids
 * @throws MeshError not_found without such a stack, unavailable when AWS does not answer
 */
export async function stackFacts(mesh: string): Promise<StackFacts> {
  const [stack = '', ...ids] = mesh.split('/')
  const prefix = ids.join('').replace(/[^A-Za-z0-9]/g, '')
  const outputs = await readOutputs(stack)
  const output = (name: keyof typeof names): string => {
    const value = outputs.get(`${prefix}${names[name]}`)
    if (value !== undefined) return value
    throw new MeshError('not_found', `Cannot use stack ${stack}: it has no output ${prefix}${names[name]}`, {
      hint: 'Deploy it again with this version: agent-mesh deploy aws. In an app of your own the stack is STACK/ID, with the id of the ControlPlane.',
    })
  }
  return {
    publicUrl: output('publicUrl').replace(/\/+$/, ''),
    table: output('table'),
    authorityKeyIds: output('authorityKeyIds').split(','),
    maxMembers: Number(output('maxMembers')),
  }
}
