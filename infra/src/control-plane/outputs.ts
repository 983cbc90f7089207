import { CfnOutput } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

import { idsBelowStack } from '../mesh-name.ts'

/** Names of the outputs that the command reads (`agent-mesh admin init --stack STACK/ID`). No secret is among them. */
export interface MeshOutputs {
  BootstrapUrl: string
  PublicUrl: string
  WatchUrl: string
  ApiEndpoint: string
  WatchEndpoint: string
  TableName: string
  AuthorityKeyArns: string
  MaxMembers: string
}

/** Makes an output of each, by its name with the construct's before it: names of outputs are one stack's, nothing is exported. */
export function meshOutputs(scope: Construct, outputs: MeshOutputs): void {
  const prefix = idsBelowStack(scope)
    .join('')
    .replace(/[^A-Za-z0-9]/g, '')
  for (const [id, value] of Object.entries(outputs))
    new CfnOutput(scope, id, { value: String(value) }).overrideLogicalId(`${prefix}${id}`)
}
