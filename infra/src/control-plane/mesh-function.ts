import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function as Lambda, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { join } from 'node:path'

import type { LambdaName } from '../lambda-bundle.ts'
import { meshName } from '../mesh-name.ts'

export interface MeshFunctionProps {
  name: LambdaName
  description: string
  /** Folder that holds a folder a Lambda. */
  lambdas: string
  logRetention: RetentionDays
  timeout: Duration
  environment: Record<string, string>
  /** Whether X-Ray traces it. */
  tracing: boolean
  /** Executions at once that are kept for it; undefined: none are. */
  concurrency?: number | undefined
}

/** A Lambda with a log group and a role of its own, which begins with the right to write that log and nothing else. */
export function meshFunction(scope: Construct, id: string, props: MeshFunctionProps): Lambda {
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    retention: props.logRetention,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
  logGroup.grantWrite(role)
  return new Lambda(scope, id, {
    description: props.description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: Code.fromAsset(join(props.lambdas, props.name)),
    // CPU grows with memory: below this the first request after a cold start is slow.
    memorySize: 1024,
    timeout: props.timeout,
    role,
    logGroup,
    tracing: props.tracing ? Tracing.ACTIVE : Tracing.DISABLED,
    ...(props.concurrency === undefined ? {} : { reservedConcurrentExecutions: props.concurrency }),
    // A shift of traffic goes back to the version before.
    currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    environment: { STACK_NAME: meshName(scope), ...props.environment },
  })
}

/** What the store does to its items: transactions take the rights of what they are made of. */
const reading = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query']
const writing = [
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
  'dynamodb:ConditionCheckItem',
]

export function allowReading(lambda: Lambda, table: ITableV2): void {
  allow(lambda, reading, [table.tableArn])
  // A table of yours may be encrypted with a key of yours; every function writes something.
  table.encryptionKey?.grantEncryptDecrypt(lambda)
}

/** @param partitions keys whose items may be written; undefined: all */
export function allowWriting(lambda: Lambda, table: ITableV2, partitions?: readonly string[]): void {
  const conditions = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': partitions } }
  lambda.addToRolePolicy(
    new PolicyStatement({
      actions: writing,
      resources: [table.tableArn],
      ...(partitions === undefined ? {} : { conditions }),
    }),
  )
}

/** Lets a function do `actions` to some resources. */
export function allow(lambda: Lambda, actions: readonly string[], resources: readonly string[]): void {
  lambda.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }))
}
