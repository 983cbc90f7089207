import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

import { MeshData } from './data/mesh-data.ts'
import type { Settings } from './settings.ts'

export interface DataStackProps extends StackProps {
  settings: Pick<Settings, 'protectData'>
}

/** The state of a mesh by the settings of a deployment. The stack stays, so the next control plane finds the same mesh. */
export class DataStack extends Stack {
  readonly mesh: MeshData

  constructor(scope: Construct, id: string, { settings, ...props }: DataStackProps) {
    super(scope, id, { ...props, terminationProtection: settings.protectData })
    const removalPolicy = settings.protectData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
    // `Default` is no part of logical ids: table and key keep those of the releases before.
    this.mesh = new MeshData(this, 'Default', { removalPolicy })
    this.#exportAlways()
    const { table, authorityKey } = this.mesh
    const outputs = { TableName: table.tableName, AuthorityKeyArn: authorityKey.keyArn }
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value })
  }

  /** CloudFormation refuses to withdraw what the control plane still imports, which is updated after this stack. */
  #exportAlways(): void {
    const { table, authorityKey } = this.mesh
    const { tableName, tableArn, tableStreamArn } = table
    for (const value of [tableName, tableArn, tableStreamArn, authorityKey.keyArn]) this.exportValue(value)
  }
}
