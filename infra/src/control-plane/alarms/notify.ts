import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Topic, type ITopic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import type { Construct } from 'constructs'

/** Sends to a topic that an alarm fires, and that it ends. */
export function notify(alarms: readonly Alarm[], topic: ITopic): void {
  const action = new SnsAction(topic)
  for (const alarm of alarms) {
    alarm.addAlarmAction(action)
    alarm.addOkAction(action)
  }
}

/** A topic that sends mail when one of these alarms publishes to it; no other source may. */
export function mailingTopic(scope: Construct, alarms: readonly Alarm[], email: string): ITopic {
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
