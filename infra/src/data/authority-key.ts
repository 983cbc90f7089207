import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms'
import type { Construct } from 'constructs'

/**
 * Signs credentials and the head (ES256). It never leaves KMS; the operator's root key vouches for it. After a loss the operator
 * makes a new one and a new link of the key chain.
 */
export const authorityKey = (scope: Construct, protect: boolean): Key =>
  new Key(scope, 'AuthorityKey', {
    description: 'Agent Mesh: signs credentials and the head of the mesh',
    keySpec: KeySpec.ECC_NIST_P256,
    keyUsage: KeyUsage.SIGN_VERIFY,
    removalPolicy: protect ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    pendingWindow: Duration.days(protect ? 30 : 7),
  })
