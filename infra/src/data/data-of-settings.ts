import { TableV2, type ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { Key, type IKey } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'

import type { DataStack } from '../data-stack.ts'
import type { Settings } from '../settings.ts'

/** What a control plane works with. */
export interface DataOfSettings {
  /** The table, with its stream. @param scope what it is looked up in, when it is another's */
  table: (scope: Construct) => ITableV2
  /** The authority keys: each may sign, the key chain says which does. @param scope as above */
  authorityKeys: (scope: Construct) => readonly IKey[]
}

/**
 * Table and keys that settings name, else those of the data stack, which is not made when both are named.
 * @param made makes the data stack
 */
export function dataOfSettings({ table, authorityKeyArns }: Settings, made: () => DataStack): DataOfSettings {
  const namedTable = table && {
    table: (scope: Construct) =>
      TableV2.fromTableAttributes(scope, 'Table', { tableName: table.name, tableStreamArn: table.streamArn }),
  }
  const namedKeys = authorityKeyArns && {
    authorityKeys: (scope: Construct) =>
      authorityKeyArns.map((arn, i) => Key.fromKeyArn(scope, `AuthorityKey${i + 1}`, arn)),
  }
  if (namedTable !== undefined && namedKeys !== undefined) return { ...namedTable, ...namedKeys }
  const { mesh } = made()
  return { table: () => mesh.table, authorityKeys: () => [mesh.authorityKey], ...namedTable, ...namedKeys }
}
