/** The constructs in an app that is not ours: every prop reaches the resources it is about, and two meshes share nothing. */
import { ControlPlane, lambdaNames, MeshData, type ControlPlaneProps } from '@agent-mesh/infra'
import { App, Stack } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { FleetStack } from './fleet-stack.ts'
import { RelaysStack } from './relays-stack.ts'

interface Resource {
  Type: string
  Properties: Record<string, unknown>
  DeletionPolicy?: string
}

/** Functions that do nothing, and a command: their folders are what templates are made with. */
const folder = mkdtempSync(join(tmpdir(), 'fleet-'))
for (const name of lambdaNames) {
  mkdirSync(join(folder, name))
  writeFileSync(join(folder, name, 'index.mjs'), 'export const handler = () => {}')
}
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let fleet: Template
let relays: Template
beforeAll(() => {
  fleet = Template.fromStack(new FleetStack(new App(), 'Fleet', { lambdas: folder }))
  relays = Template.fromStack(new RelaysStack(new App(), 'FleetRelays', { command: folder }))
})

const resources = (template: Template, type: string): [string, Resource][] =>
  Object.entries(template.findResources(`AWS::${type}`)) as [string, Resource][]
/** Those of one construct. */
const of = (mesh: 'Blue' | 'Green', type: string): [string, Resource][] =>
  resources(fleet, type).filter(([id]) => id.startsWith(mesh))
const environments = (mesh: 'Blue' | 'Green') =>
  of(mesh, 'Lambda::Function').map(
    ([, { Properties }]) => (Properties['Environment'] as { Variables: Record<string, unknown> }).Variables,
  )

describe('two control planes in one stack', () => {
  it('have five functions each, which work with the table and the keys of their mesh and no other', () => {
    const [blueTable] = resources(fleet, 'DynamoDB::GlobalTable').filter(([id]) =>
      id.startsWith('Everything'),
    )
    const [greenTable] = resources(fleet, 'DynamoDB::GlobalTable').filter(([id]) =>
      id.startsWith('GreenData'),
    )
    for (const [mesh, table, other] of [
      ['Blue', blueTable, greenTable],
      ['Green', greenTable, blueTable],
    ] as const) {
      expect(environments(mesh)).toHaveLength(lambdaNames.length)
      for (const { TABLE_NAME } of environments(mesh)) expect(TABLE_NAME).toEqual({ Ref: table?.[0] })
      const rights = JSON.stringify(of(mesh, 'IAM::Policy'))
      expect(rights).toContain(`"${table?.[0]}"`)
      expect(rights).not.toContain(`"${other?.[0]}"`)
    }
    const keys = JSON.stringify(environments('Blue')[0]?.['AUTHORITY_KEY_IDS'])
    expect(keys).toMatch(/BlueKey.*NextBlueKey/)
    expect(keys).not.toContain('GreenData')
  })

  it('take their props: members, throttling, logs, what becomes of them, the quota', () => {
    for (const { MAX_MEMBERS } of environments('Blue')) expect(MAX_MEMBERS).toBe('77')
    for (const { MAX_MEMBERS } of environments('Green')) expect(MAX_MEMBERS).toBe('5000')
    for (const [, { Properties }] of of('Blue', 'ApiGatewayV2::Stage'))
      expect(Properties).toMatchObject({
        DefaultRouteSettings: { ThrottlingRateLimit: 33, ThrottlingBurstLimit: 44 },
      })
    for (const [, { Properties }] of of('Blue', 'Logs::LogGroup'))
      expect(Properties['RetentionInDays']).toBe(7)
    const accessLogs = (mesh: 'Blue' | 'Green') =>
      of(mesh, 'Logs::LogGroup').find(([id]) => id.includes('AccessLogs'))?.[1].DeletionPolicy
    expect([accessLogs('Blue'), accessLogs('Green')]).toEqual(['Delete', 'Retain'])
    const [, concurrency] = of('Blue', 'CloudWatch::Alarm').find(([id]) => id.includes('Concurrency')) ?? []
    expect(concurrency?.Properties['Threshold']).toBe(80)
    fleet.hasResourceProperties('AWS::Lambda::EventSourceMapping', { MaximumBatchingWindowInSeconds: 1 })
  })

  it('send alarms where they are given a topic, and nowhere else', () => {
    const [[pager] = []] = resources(fleet, 'SNS::Topic')
    const blue = of('Blue', 'CloudWatch::Alarm')
    expect(blue).toHaveLength(24)
    for (const [, { Properties }] of blue)
      expect(Properties).toMatchObject({ AlarmActions: [{ Ref: pager }], OKActions: [{ Ref: pager }] })
    for (const [, { Properties }] of of('Green', 'CloudWatch::Alarm'))
      expect(Properties['AlarmActions']).toBeUndefined()
  })

  it('trace and shift traffic where they are asked to', () => {
    for (const [, { Properties }] of of('Green', 'Lambda::Function'))
      expect(Properties['TracingConfig']).toEqual({ Mode: 'Active' })
    expect(of('Green', 'CodeDeploy::DeploymentGroup')).toHaveLength(2)
    expect(of('Blue', 'CodeDeploy::DeploymentGroup')).toEqual([])
  })

  it('have metrics of their own: neither alarms nor dashboard of one show the other', () => {
    const named = (mesh: 'Blue' | 'Green') => new Set(environments(mesh).map(({ STACK_NAME }) => STACK_NAME))
    expect([...named('Blue'), ...named('Green')]).toEqual(['Fleet/Blue', 'Fleet/Green'])
    for (const mesh of ['Blue', 'Green'] as const) {
      const own = of(mesh, 'CloudWatch::Alarm').filter(
        ([, { Properties }]) => Properties['Namespace'] === 'AgentMesh',
      )
      expect(own).toHaveLength(4)
      for (const [, { Properties }] of own)
        expect(Properties['Dimensions']).toEqual([{ Name: 'Stack', Value: `Fleet/${mesh}` }])
      const dashboard = JSON.stringify(of(mesh, 'CloudWatch::Dashboard'))
      expect(dashboard).toContain(`Fleet/${mesh}`)
      expect(dashboard).not.toContain(`Fleet/${mesh === 'Blue' ? 'Green' : 'Blue'}`)
    }
  })

  it('name nothing that an account has once, and export nothing', () => {
    const named = Object.entries(fleet.toJSON()['Resources'] as Record<string, Resource>).filter(
      ([, { Properties = {} }]) =>
        [
          'FunctionName',
          'RoleName',
          'TableName',
          'LogGroupName',
          'AlarmName',
          'DashboardName',
          'QueueName',
          'TopicName',
        ].filter(name => typeof Properties[name] === 'string').length > 0,
    )
    expect(named.map(([id]) => id)).toEqual([])
    expect(JSON.stringify(fleet.findOutputs('*'))).not.toContain('"Export"')
  })

  it('tell what agent-mesh admin init --stack Fleet/Blue reads, each under its id', () => {
    const outputs = Object.keys(fleet.findOutputs('*'))
    for (const name of ['PublicUrl', 'TableName', 'AuthorityKeyArns', 'MaxMembers', 'BootstrapUrl'])
      expect(outputs).toEqual(expect.arrayContaining([`Blue${name}`, `Green${name}`]))
  })
})

describe('relays in a VPC of the app', () => {
  it('are placed in it, each with an address, a disk and an instance of its own', () => {
    relays.resourceCountIs('AWS::EC2::VPC', 1)
    for (const type of ['EC2::EIP', 'EC2::Volume', 'AutoScaling::AutoScalingGroup'])
      relays.resourceCountIs(`AWS::${type}`, 2)
    relays.resourceCountIs('AWS::EC2::SecurityGroup', 2)
    const subnets = resources(relays, 'AutoScaling::AutoScalingGroup').map(
      ([, { Properties }]) => (Properties['VPCZoneIdentifier'] as { Ref: string }[])[0]?.Ref,
    )
    expect(subnets).toEqual([
      expect.stringContaining('publicSubnet1'),
      expect.stringContaining('publicSubnet2'),
    ])
  })

  it('take their props: instance type, name in the zone, mail, token', () => {
    const [blue, green] = resources(relays, 'EC2::LaunchTemplate').map(
      ([, { Properties }]) => Properties['LaunchTemplateData'] as Record<string, unknown>,
    )
    expect([blue?.['InstanceType'], green?.['InstanceType']]).toEqual(['c7g.large', 't4g.micro'])
    relays.resourceCountIs('AWS::Route53::RecordSet', 1)
    relays.hasResourceProperties('AWS::Route53::RecordSet', {
      HostedZoneId: 'Z0123456789',
      Name: 'blue-1.relays.example.com',
    })
    const variables = (data: unknown) =>
      ['RELAY_NAME', 'RELAY_HOST', 'RELAY_MAIL'].map(
        name => new RegExp(`${name}=(.*?)\\\\n`).exec(JSON.stringify(data))?.[1],
      )
    expect(variables(blue)).toEqual(['blue-1', 'blue-1.relays.example.com', 'ops@example.com'])
    // Its address is known at the deployment only.
    expect(variables(green)).toEqual(['green-1', expect.stringContaining('PublicIp'), ''])
  })

  it('may read their own tokens alone, which are known by their names', () => {
    for (const name of ['Blue', 'Green'])
      relays.hasResourceProperties('AWS::IAM::Policy', {
        PolicyName: Match.stringLikeRegexp(`^${name}Relay`),
        PolicyDocument: {
          Statement: Match.arrayWith([
            Match.objectLike({
              Action: 'secretsmanager:GetSecretValue',
              Resource: {
                'Fn::Join': ['', Match.arrayWith([`:secret:mesh/${name.toLowerCase()}-1-??????`])],
              },
            }),
          ]),
        },
      })
  })
})

describe('a control plane is refused', () => {
  const make = (props: Partial<ControlPlaneProps>) => {
    const stack = new Stack(new App(), 'Other')
    const { table, authorityKey } = new MeshData(stack, 'Data')
    return new ControlPlane(stack, 'Mesh', {
      table,
      authorityKeys: [authorityKey],
      lambdas: folder,
      ...props,
    })
  }

  it('without a key that may sign', () => {
    expect(() => make({ authorityKeys: [] })).toThrow('authorityKeys has 0 keys, and must have 1 to 3')
  })

  it('with a domain that has neither certificate nor zone', () => {
    expect(() => make({ domain: { name: 'mesh.example.com' } })).toThrow(
      'Cannot use domain mesh.example.com: it needs a certificate, or a hosted zone to prove one in',
    )
  })
})
