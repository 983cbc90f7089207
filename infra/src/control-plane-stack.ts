import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import { AttributeType, Billing, StreamViewType, TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { Architecture, Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'

export interface ControlPlaneStackProps extends StackProps {
  /** Folder of the bundled Lambda: `index.mjs` exporting `handler`. */
  bundle: string
}

/** The control plane of one mesh: its table and the Lambda that answers for it. */
export class ControlPlaneStack extends Stack {
  readonly table: TableV2
  readonly api: Lambda

  constructor(scope: Construct, id: string, props: ControlPlaneStackProps) {
    super(scope, id, props)
    this.table = this.createTable()
    this.api = this.createApi(props.bundle)
    new CfnOutput(this, 'TableName', { value: this.table.tableName })
    new CfnOutput(this, 'ApiFunctionName', { value: this.api.functionName })
  }

  /** One table for every item: reads check expiry themselves, the TTL only collects garbage. */
  private createTable(): TableV2 {
    return new TableV2(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billing: Billing.onDemand(),
      timeToLiveAttribute: 'ttl',
      dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
  }

  private createApi(bundle: string): Lambda {
    const logGroup = new LogGroup(this, 'ApiLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const api = new Lambda(this, 'Api', {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(bundle),
      // CPU grows with memory: below this the first request after a cold start is slow.
      memorySize: 1024,
      timeout: Duration.seconds(10),
      logGroup,
      environment: { TABLE_NAME: this.table.tableName },
    })
    this.table.grantReadWriteData(api)
    return api
  }
}
