/** The alarms that an operator receives, each with its threshold and the reason. infra/test/alarms.test.ts computes that each can fire. */
import { Duration } from 'aws-cdk-lib'
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2'
import { Metric, type IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { Queue } from 'aws-cdk-lib/aws-sqs'

export interface Watched {
  id: string
  metric: IMetric
  threshold: number
  /** Fires below the threshold instead of at and above it. */
  below?: true
  /** Periods in a row. @default 1 */
  periods?: number
  /** No data fires it, too. */
  missingFires?: true
  why: string
}

export type FunctionName = 'Api' | 'Watch' | 'FanOut' | 'Health' | 'Sweep'

export interface WatchedInit {
  functions: Record<FunctionName, Lambda>
  api: HttpApi
  table: ITableV2
  failures: Queue
  /** A metric that the Lambdas write. */
  mesh: (name: string, statistic: string, period: Duration) => Metric
  /** Minutes between two sweeps, and between two heads sent by schedule. */
  sweepMinutes: number
  headMinutes: number
  /** Concurrent executions that the account may have in the region. */
  accountConcurrency: number
}

const period = Duration.minutes(5)

export const watched = (init: WatchedInit): Watched[] => [
  ...functionAlarms(init),
  ...apiAlarms(init),
  ...streamAlarms(init),
  ...scheduleAlarms(init),
  ...tableAlarms(init),
  ...meshAlarms(init),
]

const functionAlarms = ({ functions, accountConcurrency }: WatchedInit): Watched[] => [
  // Those that a schedule starts have alarms that fit it.
  ...(['Api', 'Watch', 'Health'] as const).map(name => ({
    id: `${name}Errors`,
    metric: functions[name].metricErrors({ period }),
    threshold: 2,
    why: `The ${name} function crashed or timed out twice.`,
  })),
  ...Object.entries(functions).map(([name, lambda]) => ({
    id: `${name}Throttles`,
    metric: lambda.metricThrottles({ period }),
    threshold: 1,
    why: `The ${name} function was throttled: raise the concurrency of the account.`,
  })),
  {
    id: 'Concurrency',
    metric: new Metric({
      namespace: 'AWS/Lambda',
      metricName: 'ConcurrentExecutions',
      statistic: 'Maximum',
      period,
    }),
    threshold: Math.ceil(accountConcurrency * 0.8),
    why: 'The functions of this account use 80 % of its concurrency in this region: raise the quota.',
  },
]

const apiAlarms = ({ api }: WatchedInit): Watched[] => [
  {
    id: 'ApiServerErrors',
    metric: api.metricServerError({ period, statistic: 'Sum' }),
    threshold: 5,
    why: 'The API answered five requests with 5xx: see the access log and the log of the Api function.',
  },
  {
    id: 'ApiSlow',
    metric: api.metricLatency({ period, statistic: 'p99' }),
    threshold: 3_000,
    periods: 3,
    why: 'One request in a hundred took 3 s for 15 minutes.',
  },
]

const streamAlarms = ({ functions, failures }: WatchedInit): Watched[] => [
  ...(['FanOut', 'Health'] as const).map(name => ({
    id: `${name}Behind`,
    metric: functions[name].metric('IteratorAge', { period, statistic: 'Maximum' }),
    threshold: Duration.minutes(10).toMilliseconds(),
    why: `The ${name} function handles changes of the table 10 minutes late.`,
  })),
  {
    id: 'Failures',
    metric: failures.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum' }),
    threshold: 1,
    why: 'Events were set aside after all tries: see docs/deploy-aws.md.',
  },
]

/** Lambda tries an event of a schedule three times, after 1 and 2 minutes: three runs that fail are three errors at least. */
const scheduleAlarms = ({ functions, sweepMinutes, headMinutes }: WatchedInit): Watched[] =>
  (
    [
      ['Sweep', sweepMinutes, 'Expired members, tokens and nonces stay'],
      ['FanOut', headMinutes, 'Relays hear of changes late'],
    ] as const
  ).flatMap(([name, minutes, effect]) => {
    const threeRuns = Duration.minutes(3 * minutes)
    return [
      {
        id: `${name}Errors`,
        metric: functions[name].metricErrors({ period: threeRuns }),
        threshold: 3,
        why: `The ${name} function crashed or timed out three times. ${effect}.`,
      },
      {
        id: `${name}Missing`,
        metric: functions[name].metricInvocations({ period: threeRuns }),
        threshold: 1,
        below: true,
        missingFires: true,
        why: `The ${name} function was not started for ${3 * minutes} minutes. ${effect}.`,
      },
    ] satisfies Watched[]
  })

const tableAlarms = ({ table }: WatchedInit): Watched[] =>
  (['Read', 'Write'] as const).map(kind => ({
    id: `Table${kind}Throttles`,
    metric: table.metric(`${kind}ThrottleEvents`, { statistic: 'Sum', period }),
    threshold: 10,
    why: `The table throttles ${kind.toLowerCase()}s: a partition is hot, or a quota is reached.`,
  }))

const meshAlarms = ({ mesh, sweepMinutes }: WatchedInit): Watched[] => {
  const sweep = Duration.minutes(sweepMinutes)
  return [
    {
      id: 'Defects',
      metric: mesh('Defects', 'Sum', period),
      threshold: 5,
      why: 'Requests ended in defects of the control plane: see the log of the Api function.',
    },
    {
      id: 'SignErrors',
      metric: mesh('SignErrors', 'Sum', period),
      threshold: 1,
      why: 'KMS did not sign: nothing joins and no credential is renewed. Is the authority key enabled?',
    },
    {
      id: 'NoLiveRelay',
      metric: mesh('NoLiveRelay', 'Maximum', sweep),
      threshold: 1,
      periods: 2,
      why: 'The mesh has relays, and none of them reports: agents behind NAT are not reached.',
    },
    {
      id: 'TokenExpires',
      metric: mesh('TokenDays', 'Minimum', sweep),
      threshold: 7,
      below: true,
      why: 'A join token that was made to live 14 days or more expires in less than 7: replace it where machines start with it.',
    },
  ]
}
