import { Match } from 'aws-cdk-lib/assertions'
import { expect, it } from 'vitest'

import { meshTemplates } from './support/stacks.ts'

const controlPlane = (context: Record<string, string> = {}) => meshTemplates(context).controlPlane

it.each([
  ['canary', 'CodeDeployDefault.LambdaCanary10Percent5Minutes'],
  ['linear', 'CodeDeployDefault.LambdaLinear10PercentEvery1Minute'],
])('a new version takes over gradually (%s), and an alarm gives the traffic back', (trafficShift, config) => {
  const template = controlPlane({ trafficShift })
  const groups = Object.values(template.findResources('AWS::CodeDeploy::DeploymentGroup'))
  expect(groups).toHaveLength(2)
  for (const { Properties } of groups) {
    expect(JSON.stringify(Properties.DeploymentConfigName)).toContain(config)
    expect(Properties.AlarmConfiguration.Enabled).toBe(true)
    expect(Properties.AlarmConfiguration.Alarms).toHaveLength(4)
    expect(Properties.AutoRollbackConfiguration.Events).toContain('DEPLOYMENT_STOP_ON_ALARM')
  }
  const aliases = Object.values(template.findResources('AWS::Lambda::Alias'))
  expect(aliases).toHaveLength(2)
  for (const { UpdatePolicy } of aliases) expect(UpdatePolicy.CodeDeployLambdaAliasUpdate).toBeDefined()
})

it('requests go to the live version where traffic shifts, and the version before is kept', () => {
  const template = controlPlane({ trafficShift: 'canary' })
  const [alias] = Object.keys(template.findResources('AWS::Lambda::Alias')).filter(id => id.startsWith('Api'))
  template.hasResourceProperties('AWS::ApiGatewayV2::Integration', { IntegrationUri: { Ref: alias } })
  for (const version of Object.values(template.findResources('AWS::Lambda::Version')))
    expect(version).toMatchObject({ DeletionPolicy: 'Retain' })
})

it('without the setting there is neither alias nor deployment group', () => {
  const template = controlPlane()
  template.resourceCountIs('AWS::Lambda::Alias', 0)
  template.resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 0)
})

it('executions are kept for the Api function where a setting says how many', () => {
  const reserved = (context: Record<string, string>) =>
    Object.entries(controlPlane(context).findResources('AWS::Lambda::Function')).flatMap(
      ([id, { Properties }]) => {
        const count = Properties.ReservedConcurrentExecutions as number | undefined
        return count === undefined ? [] : [`${id.replace(/[0-9A-F]{8}$/, '')} ${count}`]
      },
    )
  expect(reserved({})).toEqual([])
  expect(reserved({ apiConcurrency: '50' })).toEqual(['Api 50'])
})

it('X-Ray traces the functions where it is asked to', () => {
  controlPlane({ tracing: 'true' }).allResourcesProperties('AWS::Lambda::Function', {
    TracingConfig: { Mode: 'Active' },
  })
  controlPlane().allResourcesProperties('AWS::Lambda::Function', { TracingConfig: Match.absent() })
})
