import { RemovalPolicy } from 'aws-cdk-lib'
import { AttributeType, Billing, StreamViewType, TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Construct } from 'constructs'

/** One table for every item: reads check expiry themselves, the TTL only collects garbage. Readers of the stream see keys alone. */
export function meshTable(scope: Construct, protect: boolean): TableV2 {
  return new TableV2(scope, 'Table', {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    sortKey: { name: 'sk', type: AttributeType.STRING },
    billing: Billing.onDemand(),
    timeToLiveAttribute: 'ttl',
    dynamoStream: StreamViewType.KEYS_ONLY,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: protect,
    removalPolicy: protect ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  })
}

/** Items that start a consumer of the stream, by their partition key as the store writes it. */
export const streamed = {
  /** Numbered changes of the map, in shards. */
  mapChanges: { prefix: 'D#' },
  /** The numbers of the head's parts. */
  headNumbers: { equal: 'HEAD' },
  /** Connections of watchers. */
  watchers: { equal: 'W#connections' },
  /** Leases of relays. */
  leases: { equal: 'R' },
} as const
export type Streamed = (typeof streamed)[keyof typeof streamed]
