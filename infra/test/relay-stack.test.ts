import { App } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { serverConfig } from '../src/relay/server-config.ts'
import { RelayStack } from '../src/relay-stack.ts'
import { readSettings } from '../src/settings.ts'

let command = ''

beforeAll(async () => {
  command = await mkdtemp(join(tmpdir(), 'command-'))
  await writeFile(join(command, 'package.json'), '{}')
  // The CDK is read from the disk by its first stack.
  relays()
})
afterAll(() => rm(command, { recursive: true, force: true }))

function relays(context: Record<string, string> = {}): Template {
  const app = new App({ context: { relays: '3', ...context } })
  const settings = readSettings(app.node)
  return Template.fromStack(new RelayStack(app, 'Relays', { settings, command, tokens: 'Tokens' }))
}

const domain = { relayDomain: 'mesh.example.com' }
const zone = { domain: 'mesh.example.com', hostedZoneId: 'Z0123456789' }

interface Resource {
  Properties: Record<string, unknown>
  DependsOn?: string[]
}
const all = (template: Template, type: string) =>
  Object.entries(template.findResources(type)) as [string, Resource][]

/** What instances run at their first boot, with names in place of what is known at the deployment only. */
function userData(template: Template): string[] {
  return all(template, 'AWS::EC2::LaunchTemplate').map(([, { Properties }]) => {
    const { UserData } = (Properties as { LaunchTemplateData: { UserData: { 'Fn::Base64': unknown } } })
      .LaunchTemplateData
    const joined = (UserData['Fn::Base64'] as { 'Fn::Join': [string, unknown[]] })['Fn::Join']
    return joined[1].map(part => (typeof part === 'string' ? part : JSON.stringify(part))).join('')
  })
}

describe('the relay stack', () => {
  it('has for each relay an address and an encrypted disk of its own, and one instance that claims them', () => {
    const template = relays()
    for (const type of ['EC2::EIP', 'EC2::Volume', 'AutoScaling::AutoScalingGroup', 'EC2::LaunchTemplate'])
      template.resourceCountIs(`AWS::${type}`, 3)
    template.allResourcesProperties('AWS::EC2::Volume', { Encrypted: true, Size: 1 })
    const claimed = userData(template).map(text => ({
      address: /ALLOCATION_ID=(.*)/.exec(text)?.[1],
      disk: /VOLUME_ID=(.*)/.exec(text)?.[1],
      token: /SECRET_ID=(.*)/.exec(text)?.[1],
      name: /RELAY_NAME=(.*)/.exec(text)?.[1],
    }))
    for (const key of ['address', 'disk', 'token', 'name'] as const)
      expect(new Set(claimed.map(it => it[key])).size).toBe(3)
    expect(claimed.map(({ name }) => name)).toEqual(['relay-1', 'relay-2', 'relay-3'])
    expect(claimed[1]?.token).toBe('{"Fn::ImportValue":"Tokens-2"}')
  })

  it('has no load balancer: a dial by key must reach the relay that has it', () => {
    expect(JSON.stringify(relays().toJSON())).not.toContain('ElasticLoadBalancing')
  })

  it('keeps each disk in the zone of the subnet of its instance', () => {
    const template = relays()
    const zones = all(template, 'AWS::EC2::Volume').map(
      ([, { Properties }]) => Properties['AvailabilityZone'],
    )
    const subnets = all(template, 'AWS::AutoScaling::AutoScalingGroup').map(([, { Properties }]) => {
      const [{ Ref }] = Properties['VPCZoneIdentifier'] as [{ Ref: string }]
      return template.findResources('AWS::EC2::Subnet')[Ref]?.['Properties'].AvailabilityZone as unknown
    })
    expect(subnets).toEqual(zones)
    expect(new Set(zones.map(it => JSON.stringify(it))).size).toBe(2)
  })

  it('replaces relays one after the other, ends the old instance first, and waits for the new one to join', () => {
    const template = relays()
    const groups = all(template, 'AWS::AutoScaling::AutoScalingGroup')
    for (const [, group] of groups)
      expect(group).toMatchObject({
        Properties: { MinSize: '1', MaxSize: '1' },
        CreationPolicy: { ResourceSignal: { Count: 1, Timeout: 'PT15M' } },
        UpdatePolicy: {
          AutoScalingRollingUpdate: {
            MinInstancesInService: 0,
            WaitOnResourceSignals: true,
            PauseTime: 'PT15M',
          },
        },
      })
    const [first, second, third] = groups.map(([id]) => id)
    expect(groups[1]?.[1].DependsOn).toContain(first)
    expect(groups[2]?.[1].DependsOn).toContain(second)
    expect(userData(template).map(text => /GROUP_ID=(.*)/.exec(text)?.[1])).toEqual([first, second, third])
  })

  it('lets an instance claim its own alone, read its token and the command, and nothing else', () => {
    const template = relays({ relays: '1' })
    const [, policy] = all(template, 'AWS::IAM::Policy').find(([id]) => id.startsWith('Relay1')) ?? []
    const { Statement } = policy?.Properties['PolicyDocument'] as {
      Statement: { Action: string | string[]; Resource: unknown }[]
    }
    expect(Statement.flatMap(({ Action }) => Action)).toEqual([
      'ec2:AssociateAddress',
      'ec2:AttachVolume',
      'secretsmanager:GetSecretValue',
      'cloudformation:SignalResource',
      's3:GetObject',
    ])
    expect(Statement[2]?.Resource).toEqual({ 'Fn::ImportValue': 'Tokens-1' })
  })

  it('is reached at TCP 4001 and 443, UDP 3478 and 3479, and 80 for its certificate', () => {
    const [[, group] = ['', undefined]] = all(relays(), 'AWS::EC2::SecurityGroup')
    const open = (group?.Properties['SecurityGroupIngress'] as Record<string, unknown>[]).map(
      ({ IpProtocol, FromPort, ToPort }) => [IpProtocol, FromPort, ToPort],
    )
    expect(open).toEqual([
      ['tcp', 4001, 4001],
      ['tcp', 443, 443],
      ['tcp', 80, 80],
      ['udp', 3478, 3479],
    ])
  })

  it('names relays below the domain, in the DNS where it has the zone, and by their addresses without one', () => {
    expect(userData(relays()).map(text => /RELAY_HOST=(.*)/.exec(text)?.[1])[0]).toContain('PublicIp')
    const named = relays(domain)
    expect(userData(named)[2]).toContain('RELAY_HOST=relay-3.mesh.example.com\n')
    named.resourceCountIs('AWS::Route53::RecordSet', 0)
    const zoned = relays(zone)
    zoned.resourceCountIs('AWS::Route53::RecordSet', 3)
    zoned.hasResourceProperties('AWS::Route53::RecordSet', {
      Name: 'relay-2.mesh.example.com',
      Type: 'A',
      ResourceRecords: [
        Match.objectLike({ 'Fn::GetAtt': [Match.stringLikeRegexp('^Relay2Address'), 'PublicIp'] }),
      ],
    })
  })

  it('starts instances with encrypted disks and metadata by session alone, from user data that EC2 takes', () => {
    const template = relays({ ...zone, relayMail: 'ops@example.com', relayInstanceType: 'c7g.large' })
    template.allResourcesProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: Match.objectLike({
        InstanceType: 'c7g.large',
        MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
        BlockDeviceMappings: [Match.objectLike({ Ebs: Match.objectLike({ Encrypted: true }) })],
      }),
    })
    for (const text of userData(template)) {
      expect(Buffer.byteLength(text)).toBeLessThan(16 * 1024)
      expect(text).toContain('RELAY_MAIL=ops@example.com\n')
      expect(text).not.toContain('amj1.')
    }
  })
})

describe('deploy/cloud-init/relay.yaml', () => {
  it('is what deploy/relay-host and package-lock.json make of it', async () => {
    const file = join(import.meta.dirname, '..', '..', 'deploy', 'cloud-init', 'relay.yaml')
    expect(await readFile(file, 'utf8')).toBe(serverConfig())
  })

  it('is user data that EC2 takes', () => {
    expect(Buffer.byteLength(serverConfig())).toBeLessThan(16 * 1024)
  })
})
