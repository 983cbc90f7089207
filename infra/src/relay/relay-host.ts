import { CfnOutput, Duration, Lazy, RemovalPolicy, Size, Stack, Tags } from 'aws-cdk-lib'
import {
  AutoScalingGroup,
  BlockDeviceVolume,
  EbsDeviceVolumeType as RootVolumeType,
  Signals,
  UpdatePolicy,
  type CfnAutoScalingGroup,
} from 'aws-cdk-lib/aws-autoscaling'
import {
  CfnEIP,
  EbsDeviceVolumeType,
  InstanceType,
  LaunchTemplate,
  MachineImage,
  OperatingSystemType,
  Volume,
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
} from 'aws-cdk-lib/aws-ec2'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { CfnRecordSet } from 'aws-cdk-lib/aws-route53'
import type { Asset } from 'aws-cdk-lib/aws-s3-assets'
import { Construct } from 'constructs'

import { relayUserData } from './user-data.ts'

/** Debian's own parameter: the newest image of its release 12. */
const debian = '/aws/service/debian/release/12/latest/arm64'
/** An instance boots, installs and joins within this, else the deployment rolls back. */
const startsWithin = Duration.minutes(15)

export interface RelayHostProps {
  vpc: IVpc
  /** Public; its zone is where the relay's disk is. */
  subnet: ISubnet
  group: ISecurityGroup
  /** Name in the mesh, and label below the domain. */
  name: string
  /** Relays are `NAME.DOMAIN`; absent: they announce IP addresses. */
  domain: string | undefined
  /** Zone of the domain; absent: the operator makes the records. */
  hostedZoneId: string | undefined
  mail: string | undefined
  instanceType: string
  /** ARN of the secret that holds its join token. */
  secretArn: string
  /** The command, zipped. */
  command: Asset
}

/**
 * One relay: a group of one instance, which is replaced when it fails or changes. Address, name and disk (key, credential,
 * map) belong to the relay and not to the instance: each new one claims them.
 */
export class RelayHost extends Construct {
  readonly #props: RelayHostProps

  constructor(scope: Construct, id: string, props: RelayHostProps) {
    super(scope, id)
    this.#props = props
    const { name, domain, hostedZoneId } = props
    const address = new CfnEIP(this, 'Address', { domain: 'vpc' })
    const disk = this.#disk()
    const host = domain === undefined ? address.attrPublicIp : `${name}.${domain}`
    const role = this.#role(address, disk)
    const groupOfOne = this.#group(role, { host, address, disk })
    groupOfOne.node.addDependency(disk)
    if (domain !== undefined && hostedZoneId !== undefined) {
      const ttl = '300'
      const resourceRecords = [address.attrPublicIp]
      groupOfOne.node.addDependency(
        new CfnRecordSet(this, 'Record', { hostedZoneId, name: host, type: 'A', ttl, resourceRecords }),
      )
    }
    Tags.of(this).add('Name', `${Stack.of(this).stackName}/${name}`)
    new CfnOutput(this, 'Told', {
      value: `${host} ${address.attrPublicIp}`,
      description: `Relay ${name}: name and address`,
    })
  }

  #disk(): Volume {
    return new Volume(this, 'Disk', {
      availabilityZone: this.#props.subnet.availabilityZone,
      size: Size.gibibytes(1),
      volumeType: EbsDeviceVolumeType.GP3,
      encrypted: true,
      removalPolicy: RemovalPolicy.DESTROY,
    })
  }

  /** What an instance may do: claim what belongs to its relay, read the command and the token, and report the outcome of its start. */
  #role(address: CfnEIP, disk: Volume): Role {
    const { secretArn, command } = this.#props
    const stack = Stack.of(this)
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') })
    const arn = (resource: string): string => stack.formatArn({ service: 'ec2', resource, resourceName: '*' })
    const own = (actions: string[], resources: string[]): void =>
      void role.addToPolicy(new PolicyStatement({ actions, resources }))
    own(
      ['ec2:AssociateAddress'],
      [
        stack.formatArn({ service: 'ec2', resource: 'elastic-ip', resourceName: address.attrAllocationId }),
        arn('instance'),
        arn('network-interface'),
      ],
    )
    own(
      ['ec2:AttachVolume'],
      [stack.formatArn({ service: 'ec2', resource: 'volume', resourceName: disk.volumeId }), arn('instance')],
    )
    own(['secretsmanager:GetSecretValue'], [secretArn])
    own(['cloudformation:SignalResource'], [stack.stackId])
    own(['s3:GetObject'], [command.bucket.arnForObjects(command.s3ObjectKey)])
    return role
  }

  #group(
    role: Role,
    { host, address, disk }: { host: string; address: CfnEIP; disk: Volume },
  ): AutoScalingGroup {
    const { vpc, subnet, group: securityGroup, name, mail, instanceType, secretArn, command } = this.#props
    const stack = Stack.of(this)
    const waiting: { group?: CfnAutoScalingGroup } = {}
    const userData = relayUserData({
      name,
      host,
      region: stack.region,
      mail,
      allocationId: address.attrAllocationId,
      volumeId: disk.volumeId,
      secretId: secretArn,
      packageUrl: command.s3ObjectUrl,
      stackName: stack.stackName,
      groupId: Lazy.string({
        produce: () => (waiting.group === undefined ? '' : stack.getLogicalId(waiting.group)),
      }),
    })
    const template = new LaunchTemplate(this, 'Template', {
      machineImage: MachineImage.fromSsmParameter(debian, { os: OperatingSystemType.LINUX }),
      instanceType: new InstanceType(instanceType),
      role,
      userData,
      securityGroup,
      // Until it has claimed its own.
      associatePublicIpAddress: true,
      requireImdsv2: true,
      httpPutResponseHopLimit: 1,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: BlockDeviceVolume.ebs(8, { encrypted: true, volumeType: RootVolumeType.GP3 }),
        },
      ],
    })
    const groupOfOne = new AutoScalingGroup(this, 'Group', {
      vpc,
      vpcSubnets: { subnets: [subnet] },
      launchTemplate: template,
      minCapacity: 1,
      maxCapacity: 1,
      signals: Signals.waitForAll({ timeout: startsWithin }),
      // The former instance ends first: the relay has one address and one disk.
      updatePolicy: UpdatePolicy.rollingUpdate({
        minInstancesInService: 0,
        maxBatchSize: 1,
        pauseTime: startsWithin,
      }),
    })
    waiting.group = groupOfOne.node.defaultChild as CfnAutoScalingGroup
    return groupOfOne
  }
}
