/** New versions of the functions that answer requests take the traffic gradually; an alarm reverts it. */
import { Validations } from 'aws-cdk-lib'
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch'
import {
  LambdaApplication,
  LambdaDeploymentConfig,
  LambdaDeploymentGroup,
  type ILambdaDeploymentConfig,
} from 'aws-cdk-lib/aws-codedeploy'
import { Alias, type Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'

/** Gradually: a tenth of the requests for five minutes, then all; or a tenth more each minute. */
export type TrafficShift = 'canary' | 'linear'

const configs: Record<TrafficShift, ILambdaDeploymentConfig> = {
  // A tenth of the requests for five minutes, then all: two periods of the alarms' metrics.
  canary: LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
  // A tenth more each minute.
  linear: LambdaDeploymentConfig.LINEAR_10PERCENT_EVERY_1MINUTE,
}

/** What requests are sent to: the version of the function that is deployed. Later ones take over by {@link shiftTraffic}. */
export const liveAlias = (scope: Construct, name: string, lambda: Lambda): Alias =>
  new Alias(scope, `${name}Live`, { aliasName: 'live', version: lambda.currentVersion })

/** @param alarms each of which ends a shift: the version before then has all traffic again, and the deployment fails */
export function shiftTraffic(
  scope: Construct,
  aliases: Readonly<Record<string, Alias>>,
  { shift, alarms }: { shift: TrafficShift; alarms: readonly Alarm[] },
): void {
  const application = new LambdaApplication(scope, 'Deployments')
  for (const [name, alias] of Object.entries(aliases))
    new LambdaDeploymentGroup(scope, `${name}Deployment`, {
      application,
      alias,
      deploymentConfig: configs[shift],
      alarms: [...alarms],
    })
  Validations.of(scope).acknowledge({
    id: 'AwsSolutions::AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
    reason: 'The policy that AWS keeps for CodeDeploy of functions; it may shift aliases and read alarms.',
  })
}
