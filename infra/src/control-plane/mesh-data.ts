import { TableV2, type ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Construct } from 'constructs'

import type { DataStack } from '../data-stack.ts'
import type { Settings } from '../settings.ts'

/** What a control plane works with. */
export interface MeshData {
  /** The table, with its stream. @param scope what it is looked up in, when it is another's */
  table: (scope: Construct) => ITableV2
  /** ARNs of the authority keys: each may sign, the key chain says which does. */
  keyArns: readonly string[]
}

/**
 * Table and keys that settings name, else those of the data stack, which is not made when both are named.
 * @param made makes the data stack
 */
export function meshData({ table, authorityKeyArns }: Settings, made: () => DataStack): MeshData {
  const named = table && {
    table: (scope: Construct) =>
      TableV2.fromTableAttributes(scope, 'Table', { tableName: table.name, tableStreamArn: table.streamArn }),
  }
  if (named !== undefined && authorityKeyArns !== undefined) return { ...named, keyArns: authorityKeyArns }
  const data = made()
  return { table: () => data.table, ...named, keyArns: authorityKeyArns ?? [data.key.keyArn] }
}
