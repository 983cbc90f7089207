import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib'
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Key } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'

import { authorityKey } from './data/authority-key.ts'
import { meshTable } from './data/table.ts'
import type { Settings } from './settings.ts'

export interface DataStackProps extends StackProps {
  settings: Pick<Settings, 'protectData'>
}

/**
 * The state of a mesh: its table and the authority key that the root key vouches for. The control plane beside it is made anew at any
 * time; this stack stays, so the next one finds the same mesh.
 */
export class DataStack extends Stack {
  readonly table: TableV2
  readonly key: Key

  constructor(scope: Construct, id: string, { settings, ...props }: DataStackProps) {
    super(scope, id, { ...props, terminationProtection: settings.protectData })
    this.table = meshTable(this, settings.protectData)
    this.key = authorityKey(this, settings.protectData)
    this.#exportAlways()
    const outputs = { TableName: this.table.tableName, AuthorityKeyArn: this.key.keyArn }
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value })
  }

  /** CloudFormation refuses to withdraw what the control plane still imports, which is updated after this stack. */
  #exportAlways(): void {
    const { tableName, tableArn, tableStreamArn } = this.table
    for (const value of [tableName, tableArn, tableStreamArn, this.key.keyArn]) this.exportValue(value)
  }
}
