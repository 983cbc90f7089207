import { Validations } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** Findings of cdk-nag (pack AwsSolutions) that stay, each with its reason. */
const findings: Record<string, string> = {
  AS3: 'A group of one is replaced by deployments and after failures; the mesh sees a relay that is offline, and alarms.',
  'IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:instance/*]':
    'An instance has its id when it starts; what it may attach and associate is the disk and the address of its relay.',
  'IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:network-interface/*]':
    'The interface is made with the instance; what may be associated is the address of its relay.',
}

export function acknowledgeRelayFindings(relay: Construct): void {
  for (const [id, reason] of Object.entries(findings))
    Validations.of(relay).acknowledge({ id: `AwsSolutions::AwsSolutions-${id}`, reason })
}
