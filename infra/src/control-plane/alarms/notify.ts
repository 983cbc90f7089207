import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Topic, type ITopic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import type { Construct } from 'constructs'

/** Targets of alarms: a topic of the operator, a topic of the stack that sends mail, both, or none. */
export interface AlarmTarget {
  alarmTopicArn?: string
  alarmEmail?: string
}

/** Sends that an alarm fires, and that it ends. */
export function notify(
  scope: Construct,
  alarms: readonly Alarm[],
  { alarmTopicArn, alarmEmail }: AlarmTarget,
): void {
  const topics = [
    ...(alarmTopicArn === undefined ? [] : [Topic.fromTopicArn(scope, 'AlarmTopic', alarmTopicArn)]),
    ...(alarmEmail === undefined ? [] : [mailingTopic(scope, alarms, alarmEmail)]),
  ]
  const actions = topics.map(topic => new SnsAction(topic))
  for (const alarm of alarms) {
    alarm.addAlarmAction(...actions)
    alarm.addOkAction(...actions)
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
