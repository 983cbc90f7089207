import { Validations } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** Findings of cdk-nag (pack AwsSolutions) that stay, each with its reason. */
const findings: Record<string, string> = {
  EC23: 'Relays are public: members of any network dial them, and are let in by their credentials alone.',
  ECS2: 'What the environment names (a region, how to find the own address) is no secret; the token is one.',
  SMG4: 'A join token is replaced by the operator, who makes it; it admits relays alone and can be revoked.',
  'IAM5[Resource::*]':
    'Amazon ECR gives its login for the whole registry; which images may be pulled is said by name.',
  ELB2: 'Access logs of a network load balancer tell of TLS listeners alone; the flow logs of the VPC tell more.',
}

export function acknowledgeRelayFindings(stack: Construct): void {
  for (const [id, reason] of Object.entries(findings))
    Validations.of(stack).acknowledge({ id: `AwsSolutions::AwsSolutions-${id}`, reason })
}
