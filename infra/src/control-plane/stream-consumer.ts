import { Duration } from 'aws-cdk-lib'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { FilterCriteria, FilterRule, StartingPosition, type Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'

import type { Streamed } from '../data/table.ts'

/** Queue of the events that a Lambda failed to handle repeatedly; an alarm watches it. */
export const failureQueue = (scope: Construct, id: string): Queue =>
  new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  })

export interface StreamConsumerProps {
  table: ITableV2
  failures: Queue
  /** Others never start the Lambda. */
  wanted: readonly { key: Streamed; events: readonly ('INSERT' | 'MODIFY' | 'REMOVE')[] }[]
  batchSize: number
  /** Waits for more events at most so long. */
  window: Duration
}

/** Starts the Lambda for changes of the table. A batch that fails is halved, tried five times, then set aside. */
export function consumeStream(lambda: Lambda, props: StreamConsumerProps): void {
  lambda.addEventSource(
    new DynamoEventSource(props.table, {
      startingPosition: StartingPosition.LATEST,
      batchSize: props.batchSize,
      maxBatchingWindow: props.window,
      retryAttempts: 5,
      // Readers have polled older changes long before.
      maxRecordAge: Duration.hours(1),
      bisectBatchOnError: true,
      onFailure: new SqsDlq(props.failures),
      filters: props.wanted.map(({ key, events }) =>
        FilterCriteria.filter({
          eventName: FilterRule.or(...events),
          dynamodb: {
            Keys: {
              pk: { S: 'prefix' in key ? FilterRule.beginsWith(key.prefix) : FilterRule.isEqual(key.equal) },
            },
          },
        }),
      ),
    }),
  )
}
