/**
 * Checks of checkov that are not met on purpose, each with its reason. The reasons go into the metadata of the resources
 * (https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html), so they reach every scan of a template.
 */
import { CfnResource, type IAspect } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

interface Accepted {
  /** Of CloudFormation. */
  type: string
  /** Of the construct that makes the resource; absent: every resource of the type. */
  name?: string
  check: string
  reason: string
}

const functions = 'AWS::Lambda::Function'

const accepted: readonly Accepted[] = [
  {
    type: functions,
    check: 'CKV_AWS_115',
    reason:
      'New accounts have 10 executions at once, of which none can be reserved: the setting apiConcurrency reserves.',
  },
  {
    type: functions,
    check: 'CKV_AWS_116',
    reason:
      'What is invoked asynchronously or by the stream has a failure destination, the queue FailureQueue; API Gateway invokes the others synchronously.',
  },
  {
    type: functions,
    check: 'CKV_AWS_117',
    reason:
      'It talks to public endpoints of AWS alone, over TLS. A VPC would add a NAT gateway and slower starts, and protect nothing.',
  },
  {
    type: functions,
    check: 'CKV_AWS_173',
    reason: 'The environment holds names and URLs, no secret; Lambda encrypts it with a key of AWS.',
  },
  {
    type: 'AWS::Logs::LogGroup',
    check: 'CKV_AWS_158',
    reason: 'Logs hold no secret; CloudWatch encrypts them with a key of AWS.',
  },
  {
    type: 'AWS::SQS::Queue',
    check: 'CKV_AWS_27',
    reason: 'It is encrypted with a key of SQS (SqsManagedSseEnabled), which the check does not know.',
  },
  {
    type: 'AWS::SNS::Topic',
    check: 'CKV_AWS_26',
    reason:
      'Alarms carry no secret, and CloudWatch cannot publish to a topic that is encrypted with the key of AWS for SNS.',
  },
  {
    type: 'AWS::ApiGatewayV2::Stage',
    name: 'WatchStage',
    check: 'CKV_AWS_95',
    reason:
      'Access logs of a WebSocket API need a role set for the whole account; the function Watch logs every connection and refusal.',
  },
  {
    type: 'AWS::EC2::SecurityGroup',
    name: 'RelayGroup',
    check: 'CKV_AWS_260',
    reason: "Let's Encrypt proves the name of a relay over port 80.",
  },
  {
    type: 'AWS::EC2::LaunchTemplate',
    check: 'CKV_AWS_88',
    reason: 'A relay is reached from the Internet: its address is what it is for.',
  },
]

/** Writes the reasons into the metadata of the resources that they are about. */
export class AcceptedChecks implements IAspect {
  visit(node: IConstruct): void {
    if (!CfnResource.isCfnResource(node)) return
    const skip = accepted
      .filter(
        ({ type, name }) => type === node.cfnResourceType && (name === undefined || isMadeBy(node, name)),
      )
      .map(({ check, reason }) => ({ id: check, comment: reason }))
    if (skip.length > 0) node.addMetadata('checkov', { skip })
  }
}

const isMadeBy = (node: IConstruct, name: string): boolean =>
  node.node.scopes.some(({ node: { id } }) => id === name)
