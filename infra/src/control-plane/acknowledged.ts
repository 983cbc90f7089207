import { Stack, Validations, type CfnElement } from 'aws-cdk-lib'
import type { Construct, IConstruct } from 'constructs'

import type { CompleteProps } from './props.ts'

const signed =
  'Requests carry signatures by keys of members, which the Lambda verifies before anything else; newcomers, who have no ' +
  'credential an authorizer could know, must reach bootstrap and enrolment.'

/** Findings of cdk-nag (pack AwsSolutions) that stay, by the path of what they are about, each with its reason. */
const findings: readonly { path: string; id: string; reason: string }[] = [
  { path: 'HttpApi/ANY--{proxy+}', id: 'APIG4', reason: signed },
  { path: 'WatchApi/$connect-Route', id: 'APIG4', reason: signed },
  {
    path: 'WatchApi/$disconnect-Route',
    id: 'APIG4',
    reason: 'WebSocket APIs take an authorizer for $connect alone.',
  },
  {
    path: 'WatchApi/$default-Route',
    id: 'APIG4',
    reason: 'WebSocket APIs take an authorizer for $connect alone; what watchers send is not read.',
  },
  {
    path: 'WatchStage',
    id: 'APIG1',
    reason:
      'Access logs of a WebSocket API need a role set for the whole account, which is not this stack’s to change; the ' +
      'Watch function logs every connection and refusal.',
  },
  { path: 'FailureQueue', id: 'SQS3', reason: 'It is the dead-letter queue.' },
]

/** Acknowledges them; whatever else is found fails the synthesis. */
export function acknowledgeFindings(
  controlPlane: Construct,
  { tracing }: Pick<CompleteProps, 'tracing'>,
): void {
  const find = (path: string): Construct => {
    const names = path.split('/')
    const found = names.reduce<IConstruct | undefined>(
      (scope, name) => scope?.node.tryFindChild(name),
      controlPlane,
    )
    if (found === undefined) throw new Error(`Cannot acknowledge a finding: there is no ${path}`)
    return found as Construct
  }
  const stack = Stack.of(controlPlane)
  const idOf = (path: string): string => stack.getLogicalId(find(path).node.defaultChild as CfnElement)
  for (const { path, id, reason } of findings)
    Validations.of(find(path)).acknowledge({ id: `AwsSolutions::AwsSolutions-${id}`, reason })

  const wildcard = (scope: Construct, resource: string, reason: string): void =>
    Validations.of(scope).acknowledge({
      id: `AwsSolutions::AwsSolutions-IAM5[Resource::${resource}]`,
      reason,
    })
  wildcard(
    controlPlane,
    `arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<${idOf('WatchApi')}>/watch/*/@connections/*`,
    'API Gateway names connections as they come; the right is to those of this API alone.',
  )
  for (const name of ['Sweep', 'FanOut'])
    // The scheduler's roles are the stack's.
    wildcard(
      stack,
      `<${idOf(name)}.Arn>:*`,
      'The scheduler may invoke this function and its versions, and nothing else.',
    )
  if (tracing) wildcard(controlPlane, '*', 'X-Ray knows no resources to restrict the writing of traces to.')
}
