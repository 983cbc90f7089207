import { Duration } from 'aws-cdk-lib'
import { Dashboard, GraphWidget, Metric, type IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'

import { meshName } from '../mesh-name.ts'

const namespace = 'AgentMesh'

/** A metric that the Lambdas write into their log (embedded metric format). */
export const meshMetric = (scope: Construct, metricName: string, statistic = 'Sum'): Metric =>
  new Metric({
    namespace,
    metricName,
    statistic,
    period: Duration.minutes(5),
    dimensionsMap: { Stack: meshName(scope) },
  })

/** What runs, how fast, and what it uses. */
export function dashboard(scope: Construct, functions: Record<string, Lambda>, table: ITableV2): Dashboard {
  const lambdas = Object.values(functions)
  const row = (title: string, left: IMetric[]): GraphWidget => new GraphWidget({ title, left, width: 12 })
  return new Dashboard(scope, 'Dashboard', {
    widgets: [
      [
        row('Requests', [
          meshMetric(scope, 'Requests'),
          meshMetric(scope, 'Refused'),
          meshMetric(scope, 'Defects'),
        ]),
        row('Time to answer, ms', [
          meshMetric(scope, 'RequestMs', 'p50'),
          meshMetric(scope, 'RequestMs', 'p99'),
        ]),
      ],
      [
        row('Members', [meshMetric(scope, 'Members', 'Maximum'), meshMetric(scope, 'Online', 'Maximum')]),
        row('Pushes', [meshMetric(scope, 'Pushes'), meshMetric(scope, 'Watchers', 'Maximum')]),
      ],
      [
        row(
          'Errors of functions',
          lambdas.map(lambda => lambda.metricErrors()),
        ),
        row('Table units', [
          table.metricConsumedReadCapacityUnits(),
          table.metricConsumedWriteCapacityUnits(),
        ]),
      ],
    ],
  })
}
