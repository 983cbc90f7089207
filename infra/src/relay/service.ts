import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import type { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2'
import { Platform } from 'aws-cdk-lib/aws-ecr-assets'
import {
  Cluster,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  LogDrivers,
  Protocol,
  Secret,
} from 'aws-cdk-lib/aws-ecs'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Secret as StoredSecret } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'
import { join } from 'node:path'

import { relayPorts } from './ports.ts'
import type { Settings } from '../settings.ts'

const root = join(import.meta.dirname, '..', '..', '..')

export interface RelayServiceProps {
  vpc: Vpc
  group: SecurityGroup
  settings: Settings
  region: string
}

/** The service: new tasks first, then old ones are told to end, which lets their agents go to their standby. */
export function relayService(
  scope: Construct,
  { vpc, group, settings, region }: RelayServiceProps,
): FargateService {
  const cluster = new Cluster(scope, 'Cluster', { vpc, containerInsightsV2: ContainerInsights.ENABLED })
  return new FargateService(scope, 'Relays', {
    cluster,
    taskDefinition: relayTask(scope, settings, region),
    desiredCount: settings.relays,
    minHealthyPercent: 100,
    maxHealthyPercent: 200,
    circuitBreaker: { rollback: true },
    healthCheckGracePeriod: Duration.minutes(1),
    assignPublicIp: true,
    securityGroups: [group],
  })
}

function relayTask(
  scope: Construct,
  { relayImage, retentionDays }: Settings,
  region: string,
): FargateTaskDefinition {
  const task = new FargateTaskDefinition(scope, 'Task', {
    cpu: 512,
    memoryLimitMiB: 1024,
    runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64 },
  })
  const container = task.addContainer('relay', {
    image:
      relayImage === undefined
        ? ContainerImage.fromAsset(root, {
            file: 'deploy/docker/relay.Dockerfile',
            platform: Platform.LINUX_ARM64,
            exclude: ['.git', '**/node_modules', '**/dist', 'cdk.out', 'coverage'],
          })
        : ContainerImage.fromRegistry(relayImage),
    environment: { ANNOUNCE: 'public', REGION: region },
    secrets: { JOIN_TOKEN: Secret.fromSecretsManager(joinToken(scope)) },
    // Longer than a relay takes to send its agents away.
    stopTimeout: Duration.seconds(120),
    logging: LogDrivers.awsLogs({
      streamPrefix: 'relay',
      logGroup: new LogGroup(scope, 'RelayLogs', {
        retention: retentionDays as RetentionDays,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    }),
  })
  container.addPortMappings(
    { containerPort: relayPorts.mesh, protocol: Protocol.TCP },
    { containerPort: relayPorts.stun, protocol: Protocol.UDP },
    { containerPort: relayPorts.secondStun, protocol: Protocol.UDP },
  )
  return task
}

/** Its value is put there by the operator: tasks have no disk, so each enrols anew, with an ephemeral token of many uses. */
const joinToken = (scope: Construct): StoredSecret =>
  new StoredSecret(scope, 'JoinToken', {
    description: 'Agent Mesh: join token of the relays (role relay, ephemeral); see docs/deploy-aws.md',
  })
