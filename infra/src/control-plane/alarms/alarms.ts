import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'

import { notify, type AlarmTarget } from './notify.ts'
import { watched, type WatchedInit } from './watched.ts'

/** Makes an alarm of everything that is watched, and sends it, and its end, to the operator's targets. */
export function alarms(scope: Construct, init: WatchedInit, target: AlarmTarget): Alarm[] {
  const made = watched(init).map(
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
  notify(scope, made, target)
  return made
}
