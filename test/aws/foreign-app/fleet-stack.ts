/** The stack of a user of the constructs: two meshes beside each other, with a topic, a table and a key of its own. */
import { ControlPlane, MeshData } from '@agent-mesh/infra'
import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import { AttributeType, Billing, StreamViewType, TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Topic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'

export interface FleetStackProps extends StackProps {
  /** Where members reach each mesh, when a proxy is in front of the APIs. */
  proxies?: Record<'blue' | 'green', string> | undefined
  /** Folder of bundled functions, in place of those of the version. */
  lambdas?: string | undefined
}

export class FleetStack extends Stack {
  readonly blue: ControlPlane
  readonly green: ControlPlane

  constructor(scope: Construct, id: string, { proxies, lambdas, ...props }: FleetStackProps = {}) {
    super(scope, id, props)
    const pager = new Topic(this, 'Pager', { enforceSSL: true })
    const { table, authorityKey } = new MeshData(this, 'GreenData', { removalPolicy: RemovalPolicy.DESTROY })
    const soon = { sweepInterval: Duration.minutes(1), healthInterval: Duration.seconds(1), lambdas }
    this.blue = new ControlPlane(this, 'Blue', {
      ...soon,
      ...behind(proxies?.blue),
      table: this.#table(),
      authorityKeys: [this.#key('BlueKey'), this.#key('NextBlueKey')],
      alarmTopic: pager,
      maxMembers: 77,
      throttle: { rate: 33, burst: 44 },
      logRetention: RetentionDays.ONE_WEEK,
      accessLogRemovalPolicy: RemovalPolicy.DESTROY,
      accountConcurrency: 100,
    })
    this.green = new ControlPlane(this, 'Green', {
      ...soon,
      ...behind(proxies?.green),
      table,
      authorityKeys: [authorityKey],
      tracing: true,
      // The emulator, which has a proxy, lacks CodeDeploy.
      trafficShift: proxies === undefined ? 'linear' : undefined,
    })
  }

  #table(): TableV2 {
    return new TableV2(this, 'Everything', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billing: Billing.onDemand(),
      timeToLiveAttribute: 'ttl',
      dynamoStream: StreamViewType.KEYS_ONLY,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.DESTROY,
    })
  }

  #key(id: string): Key {
    return new Key(this, id, {
      keySpec: KeySpec.ECC_NIST_P256,
      keyUsage: KeyUsage.SIGN_VERIFY,
      removalPolicy: RemovalPolicy.DESTROY,
    })
  }
}

const behind = (url: string | undefined) =>
  url === undefined
    ? {}
    : { publicUrls: { api: url, watch: `${url.replace('http', 'ws')}/watch` }, pushUrl: `${url}/push` }
