/** What starts the functions that no request starts: the stream of the table, and schedules. */
import { Duration } from 'aws-cdk-lib'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations'
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler'
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'

import { streamed } from '../data/table.ts'
import type { CompleteProps } from './props.ts'
import { consumeStream } from './stream-consumer.ts'

/** Members warn about old heads, and API Gateway ends connections that are silent for ten minutes. */
export const headInterval = Duration.minutes(5)

export interface StartsInit {
  functions: Record<'FanOut' | 'Health' | 'Sweep', Lambda>
  props: Pick<CompleteProps, 'table' | 'healthInterval' | 'sweepInterval'>
  /** Queue of the events that fail repeatedly. */
  failures: Queue
}

export function startByEvents(scope: Construct, { functions, props, failures }: StartsInit): void {
  const { FanOut, Health, Sweep } = functions
  const { table, healthInterval, sweepInterval } = props
  consumeStream(FanOut, {
    ...{ table, failures },
    wanted: [
      { key: streamed.mapChanges, events: ['INSERT'] },
      { key: streamed.headNumbers, events: ['INSERT', 'MODIFY'] },
      { key: streamed.watchers, events: ['INSERT'] },
    ],
    batchSize: 1_000,
    window: Duration.seconds(0),
  })
  consumeStream(Health, {
    ...{ table, failures },
    wanted: [{ key: streamed.leases, events: ['INSERT', 'MODIFY'] }],
    batchSize: 10_000,
    window: healthInterval,
  })
  schedule(scope, 'SweepSchedule', 'Removes what has expired', {
    ...{ interval: sweepInterval, lambda: Sweep, failures },
  })
  schedule(scope, 'HeadSchedule', 'Sends every watcher a fresh head', {
    ...{ interval: headInterval, lambda: FanOut, failures },
  })
}

/** The scheduler knows only whether it could start the function: Lambda retries what it throws and sets it aside. */
function schedule(
  scope: Construct,
  id: string,
  description: string,
  { interval, lambda, failures }: { interval: Duration; lambda: Lambda; failures: Queue },
): void {
  lambda.configureAsyncInvoke({
    retryAttempts: 2,
    maxEventAge: Duration.hours(1),
    onFailure: new SqsDestination(failures),
  })
  new Schedule(scope, id, {
    description,
    schedule: ScheduleExpression.rate(interval),
    target: new LambdaInvoke(lambda, {
      deadLetterQueue: failures,
      retryAttempts: 3,
      maxEventAge: Duration.hours(1),
    }),
  })
}
