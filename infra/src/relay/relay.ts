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
  SubnetType,
  Volume,
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
} from 'aws-cdk-lib/aws-ec2'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { CfnRecordSet, type IHostedZone } from 'aws-cdk-lib/aws-route53'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'

import { usual } from '../settings/usual.ts'
import { acknowledgeRelayFindings } from './acknowledged.ts'
import { usualRelayPackage } from './relay-package.ts'
import { relaySecurityGroup } from './security-group.ts'
import { relayUserData } from './user-data.ts'

/** Debian's own parameter: the newest image of its release 12. */
const debian = '/aws/service/debian/release/12/latest/arm64'
/** An instance boots, installs and joins within this, else the deployment rolls back. */
const startsWithin = Duration.minutes(15)

export interface RelayProps {
  readonly vpc: IVpc
  /** Name in the mesh, and label below the domain; one mesh has each once. */
  readonly name: string
  /** Its join token, as plain text: of `agent-mesh token create --role relay`. An instance reads it when it boots. */
  readonly token: ISecret
  /** Public; the disk of the relay is in its zone. @default the first public subnet of the VPC */
  readonly subnet?: ISubnet
  /** Open as {@link relaySecurityGroup} is, which several relays may share. @default one of its own */
  readonly securityGroup?: ISecurityGroup
  /** The relay is `NAME.DOMAIN`, with a certificate by Let's Encrypt. @default it announces its IP address */
  readonly domain?: string
  /** Zone of the domain, for its record. @default you make the record */
  readonly hostedZone?: IHostedZone
  /** Mail address for Let's Encrypt. @default none */
  readonly mail?: string
  /** Of EC2, arm64. @default t4g.micro */
  readonly instanceType?: InstanceType
  /** Folder of the command that it runs. @default that of this version */
  readonly command?: string
}

/**
 * One relay: a group of one instance, which is replaced when it fails or changes. Address, name and disk (key, credential,
 * map) belong to the relay and not to the instance: each new one claims them. Several relays of a mesh depend on each other
 * (`node.addDependency`), so that an update takes one at a time. Its token exists once the mesh does: deploy it after that.
 */
export class Relay extends Construct {
  /** DNS name or IPv4 address that members reach it at. */
  readonly host: string
  /** Its public IPv4 address. */
  readonly address: string
  readonly #props: Omit<RelayProps, 'command'> & { subnet: ISubnet; command: Asset }

  constructor(scope: Construct, id: string, props: RelayProps) {
    super(scope, id)
    const { name, domain, hostedZone } = props
    const command = new Asset(this, 'Command', { path: props.command ?? usualRelayPackage() })
    this.#props = { ...props, subnet: props.subnet ?? publicSubnet(props.vpc), command }
    const address = new CfnEIP(this, 'Address', { domain: 'vpc' })
    const disk = this.#disk()
    this.address = address.attrPublicIp
    this.host = domain === undefined ? this.address : `${name}.${domain}`
    const role = this.#role(address, disk)
    const groupOfOne = this.#group(role, { address, disk })
    groupOfOne.node.addDependency(disk)
    if (domain !== undefined && hostedZone !== undefined)
      groupOfOne.node.addDependency(this.#record(hostedZone))
    Tags.of(this).add('Name', `${Stack.of(this).stackName}/${name}`)
    new CfnOutput(this, 'Told', {
      value: `${this.host} ${this.address}`,
      description: `Relay ${name}: name and address`,
    })
    acknowledgeRelayFindings(this)
  }

  #record({ hostedZoneId }: IHostedZone): CfnRecordSet {
    const resourceRecords = [this.address]
    return new CfnRecordSet(this, 'Record', {
      ...{ hostedZoneId, name: this.host, type: 'A', ttl: '300', resourceRecords },
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
    const { token, command } = this.#props
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
    // A secret known by its name alone has an ARN that ends in six random characters.
    own(['secretsmanager:GetSecretValue'], [token.secretFullArn ?? `${token.secretArn}-??????`])
    token.encryptionKey?.grantDecrypt(role)
    own(['cloudformation:SignalResource'], [stack.stackId])
    own(['s3:GetObject'], [command.bucket.arnForObjects(command.s3ObjectKey)])
    return role
  }

  #group(role: Role, { address, disk }: { address: CfnEIP; disk: Volume }): AutoScalingGroup {
    const { vpc, subnet, name, mail, instanceType, token, command } = this.#props
    const securityGroup = this.#props.securityGroup ?? relaySecurityGroup(this, 'SecurityGroup', vpc)
    const stack = Stack.of(this)
    const waiting: { group?: CfnAutoScalingGroup } = {}
    const userData = relayUserData({
      name,
      host: this.host,
      region: stack.region,
      mail,
      allocationId: address.attrAllocationId,
      volumeId: disk.volumeId,
      secretId: token.secretArn,
      packageUrl: command.s3ObjectUrl,
      stackName: stack.stackName,
      groupId: Lazy.string({
        produce: () => (waiting.group === undefined ? '' : stack.getLogicalId(waiting.group)),
      }),
    })
    const template = new LaunchTemplate(this, 'Template', {
      machineImage: MachineImage.fromSsmParameter(debian, { os: OperatingSystemType.LINUX }),
      instanceType: instanceType ?? new InstanceType(usual.relayInstanceType),
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

/** @throws Error when the VPC has no public subnet */
export function publicSubnets(vpc: IVpc): ISubnet[] {
  const { subnets } = vpc.selectSubnets({ subnetType: SubnetType.PUBLIC })
  if (subnets.length === 0) throw new Error(`Cannot place relays: VPC ${vpc.vpcId} has no public subnet`)
  return subnets
}

const publicSubnet = (vpc: IVpc): ISubnet => publicSubnets(vpc)[0] as ISubnet
