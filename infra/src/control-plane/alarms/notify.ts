import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Topic, type ITopic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import type { Construct } from 'constructs'

/** Where alarms go: a topic of the operator's, or one of the stack's own that mails. */
export type AlarmTarget = { topicArn: string } | { email: string }

/** Tells that an alarm fires, and that it is over. */
export function notify(scope: Construct, alarms: readonly Alarm[], target: AlarmTarget): void {
  const topic =
    'topicArn' in target
      ? Topic.fromTopicArn(scope, 'Alarms', target.topicArn)
      : mailingTopic(scope, alarms, target.email)
  const action = new SnsAction(topic)
  for (const alarm of alarms) {
    alarm.addAlarmAction(action)
    alarm.addOkAction(action)
  }
}

function mailingTopic(scope: Construct, alarms: readonly Alarm[], email: string): ITopic {
  const topic = new Topic(scope, 'Alarms', { displayName: 'Agent Mesh alarms' })
  const publish = { principals: [new AnyPrincipal()], actions: ['sns:Publish'], resources: [topic.topicArn] }
  const statements = [
    { ...publish, effect: Effect.DENY, conditions: { Bool: { 'aws:SecureTransport': 'false' } } },
    { ...publish, conditions: { ArnEquals: { 'aws:SourceArn': alarms.map(({ alarmArn }) => alarmArn) } } },
  ]
  for (const statement of statements) topic.addToResourcePolicy(new PolicyStatement(statement))
  topic.addSubscription(new EmailSubscription(email))
  return topic
}
