import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'

import { watched, type WatchedInit } from './watched.ts'

/** Makes an alarm of everything that is watched. */
export const alarms = (scope: Construct, init: WatchedInit): Alarm[] =>
  watched(init).map(
    ({ id, metric, threshold, below, periods, missingFires, why }) =>
      new Alarm(scope, id, {
        metric,
        threshold,
        alarmDescription: why,
        evaluationPeriods: periods ?? 1,
        comparisonOperator:
          below === true
            ? ComparisonOperator.LESS_THAN_THRESHOLD
            : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: missingFires === true ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
      }),
  )
