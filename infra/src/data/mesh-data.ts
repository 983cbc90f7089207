import { RemovalPolicy } from 'aws-cdk-lib'
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Key } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'

import { authorityKey } from './authority-key.ts'
import { meshTable } from './table.ts'

export interface MeshDataProps {
  /**
   * Of table and key. A table that is retained has deletion protection, too.
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy.RETAIN | RemovalPolicy.DESTROY
}

/**
 * The state of a mesh: its table and the authority key that the root key vouches for. Best in a stack of its own with termination
 * protection: the control plane beside it can be deployed anew at any time.
 */
export class MeshData extends Construct {
  /** One table for every item, on demand, with point-in-time recovery and a stream of keys. */
  readonly table: TableV2
  /** Signs credentials and the head (ECC_NIST_P256). */
  readonly authorityKey: Key

  constructor(scope: Construct, id: string, { removalPolicy = RemovalPolicy.RETAIN }: MeshDataProps = {}) {
    super(scope, id)
    const protect = removalPolicy === RemovalPolicy.RETAIN
    this.table = meshTable(this, protect)
    this.authorityKey = authorityKey(this, protect)
  }
}
