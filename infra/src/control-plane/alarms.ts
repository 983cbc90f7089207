import { Duration } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, TreatMissingData, type IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { PolicyStatement, AnyPrincipal, Effect } from 'aws-cdk-lib/aws-iam'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'

export interface AlarmsInit {
  functions: Record<string, Lambda>
  table: TableV2
  failures: Queue
  /** Errors that are defects, not refusals; emitted by the API. */
  defects: IMetric
  email: string | undefined
}

const period = Duration.minutes(5)

/** What an operator wants to be told, each with the threshold and its reason. */
export function alarms(scope: Construct, init: AlarmsInit): Alarm[] {
  const made: Alarm[] = []
  const alarm = (id: string, metric: IMetric, threshold: number, why: string): void => {
    made.push(
      new Alarm(scope, id, {
        metric,
        threshold,
        alarmDescription: why,
        evaluationPeriods: 1,
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      }),
    )
  }
  for (const [name, lambda] of Object.entries(init.functions)) {
    alarm(`${name}Errors`, lambda.metricErrors({ period }), 5, `The ${name} function crashed or timed out.`)
    alarm(
      `${name}Throttles`,
      lambda.metricThrottles({ period }),
      1,
      `The ${name} function was throttled: raise the account's concurrency.`,
    )
  }
  alarm(
    'Defects',
    init.defects,
    5,
    'Requests ended in defects of the control plane: see the log of the Api function.',
  )
  alarm(
    'Failures',
    init.failures.metricApproximateNumberOfMessagesVisible({ period }),
    1,
    'Events were put aside after all tries: see docs/deploy-aws.md.',
  )
  alarm(
    'TableThrottles',
    init.table.metric('WriteThrottleEvents', { statistic: 'Sum', period }),
    10,
    'The table throttles: a partition is hot, or a quota is reached.',
  )
  if (init.email !== undefined) notify(scope, made, init.email)
  return made
}

function notify(scope: Construct, alarms: readonly Alarm[], email: string): void {
  const topic = new Topic(scope, 'Alarms', { displayName: 'Agent Mesh alarms' })
  topic.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { Bool: { 'aws:SecureTransport': 'false' } },
    }),
  )
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new AnyPrincipal()],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { ArnEquals: { 'aws:SourceArn': alarms.map(({ alarmArn }) => alarmArn) } },
    }),
  )
  topic.addSubscription(new EmailSubscription(email))
  for (const alarm of alarms) alarm.addAlarmAction(new SnsAction(topic))
}
