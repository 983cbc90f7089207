import { Match, Template } from 'aws-cdk-lib/assertions'
import { describe, expect, it } from 'vitest'

import { lambdaNames } from '../src/lambda-bundle.ts'
import { meshTemplates } from './support/stacks.ts'

const controlPlane = (context: Record<string, string> = {}): Template => meshTemplates(context).controlPlane

interface Statement {
  Action: string | string[]
  Resource: unknown
  Condition?: unknown
}

/** What the role of a function may do. */
function rights(template: Template, role: string): Statement[] {
  const policies = Object.entries(template.findResources('AWS::IAM::Policy'))
  return policies
    .filter(([id]) => id.startsWith(role))
    .flatMap(([, policy]) => {
      const { PolicyDocument } = (policy as { Properties: { PolicyDocument: { Statement: Statement[] } } })
        .Properties
      return PolicyDocument.Statement
    })
}

const actions = (template: Template, role: string): string[] =>
  rights(template, role).flatMap(({ Action }) => Action)

describe('the control plane stack', () => {
  it('runs each function on Node 24 and arm64, with a role of its own', () => {
    const functions = Object.values(controlPlane().findResources('AWS::Lambda::Function')) as {
      Properties: { Runtime: string; Architectures: string[]; Role: unknown }
    }[]
    expect(functions).toHaveLength(lambdaNames.length)
    for (const { Properties } of functions)
      expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'] })
    const roles = functions.map(({ Properties }) => JSON.stringify(Properties.Role))
    expect(new Set(roles).size).toBe(functions.length)
  })

  it('lets only those sign that sign, and only the one push that pushes', () => {
    const template = controlPlane()
    const may = (action: string): string[] =>
      ['Api', 'Watch', 'FanOut', 'Health', 'Sweep'].filter(name =>
        actions(template, `${name}Role`).includes(action),
      )
    expect(may('kms:Sign')).toEqual(['Api', 'FanOut', 'Sweep'])
    expect(may('execute-api:ManageConnections')).toEqual(['FanOut'])
    expect(may('dynamodb:GetItem')).toEqual(['Api', 'Watch', 'FanOut', 'Health', 'Sweep'])
  })

  it('lets functions write only the items they write', () => {
    const template = controlPlane()
    const partitions = (role: string): unknown =>
      rights(template, role).find(({ Action }) => Action.includes('dynamodb:PutItem'))?.Condition
    const only = (...keys: string[]): unknown => ({
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys },
    })
    expect(partitions('FanOutRole')).toEqual(only('W#connections'))
    expect(partitions('HealthRole')).toEqual(only('H#*'))
    expect(partitions('WatchRole')).toEqual(only('W#connections', 'Q#*', 'U#*', 'COUNT'))
  })

  it('starts functions by the stream for the items they are for, and puts aside what fails', () => {
    const template = controlPlane()
    const mappings = Object.values(template.findResources('AWS::Lambda::EventSourceMapping')) as {
      Properties: { FilterCriteria: { Filters: { Pattern: string }[] }; DestinationConfig: unknown }
    }[]
    const patterns = mappings.map(({ Properties }) =>
      Properties.FilterCriteria.Filters.map(({ Pattern }) => Pattern),
    )
    expect(patterns.flat().map(pattern => JSON.parse(pattern).dynamodb.Keys.pk.S)).toEqual([
      [{ prefix: 'D#' }],
      ['HEAD'],
      ['W#connections'],
      ['R'],
    ])
    for (const { Properties } of mappings) expect(Properties.DestinationConfig).toBeDefined()
  })

  it('throttles and logs the HTTP API, without query and headers in the log', () => {
    const template = controlPlane()
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1_000 },
      AccessLogSettings: { Format: Match.not(Match.stringLikeRegexp('header|query')) },
    })
  })

  it('has a dashboard and alarms, mailed if an address is given', () => {
    controlPlane().resourceCountIs('AWS::SNS::Topic', 0)
    const template = controlPlane({ alarmEmail: 'ops@example.com' })
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1)
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    })
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm'))
    expect(alarms.length).toBeGreaterThan(10)
    for (const alarm of alarms)
      expect(alarm).toMatchObject({ Properties: { AlarmActions: [expect.anything()] } })
  })

  it('sweeps every ten minutes and sends a fresh head every five minutes', () => {
    const schedules = Object.values(controlPlane().findResources('AWS::Scheduler::Schedule')) as {
      Properties: { ScheduleExpression: string }
    }[]
    expect(schedules.map(({ Properties }) => Properties.ScheduleExpression).sort()).toEqual([
      'rate(10 minutes)',
      'rate(5 minutes)',
    ])
  })
})

describe('the settings', () => {
  it('give the APIs a domain', () => {
    const template = controlPlane({
      domain: 'mesh.example.com',
      certificateArn: 'arn:aws:acm:eu-west-1:1:certificate/1',
    })
    for (const DomainName of ['mesh.example.com', 'watch.mesh.example.com'])
      template.hasResourceProperties('AWS::ApiGatewayV2::DomainName', { DomainName })
    template.hasOutput('BootstrapUrl', { Value: 'https://mesh.example.com/v1/bootstrap' })
  })

  it('make its certificate and its names in a hosted zone', () => {
    const template = controlPlane({ domain: 'mesh.example.com', hostedZoneId: 'Z0123456789' })
    template.hasResourceProperties('AWS::CertificateManager::Certificate', {
      DomainName: 'mesh.example.com',
      SubjectAlternativeNames: ['watch.mesh.example.com'],
      ValidationMethod: 'DNS',
    })
    template.resourceCountIs('AWS::Route53::RecordSet', 2)
    template.allResourcesProperties('AWS::Route53::RecordSet', { HostedZoneId: 'Z0123456789', Type: 'A' })
  })

  it('send alarms to a topic, and mail them, too', () => {
    const alarmTopicArn = 'arn:aws:sns:eu-west-1:000000000000:pager'
    const alarms = controlPlane({ alarmTopicArn, alarmEmail: 'ops@example.com' })
    for (const { Properties } of Object.values(alarms.findResources('AWS::CloudWatch::Alarm')))
      expect(Properties).toMatchObject({
        AlarmActions: [alarmTopicArn, { Ref: expect.stringMatching('Alarms') }],
        OKActions: [alarmTopicArn, expect.anything()],
      })
  })

  it('keep logs as long as they say', () => {
    controlPlane({ retentionDays: '7' }).allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 })
  })

  it('mail when the month is forecast above a budget', () => {
    const template = controlPlane({ budgetUsd: '50', budgetEmail: 'ops@example.com' })
    template.hasResourceProperties('AWS::Budgets::Budget', {
      Budget: { BudgetLimit: { Amount: 50, Unit: 'USD' } },
    })
  })
})
