/** Settings that are about every stack. */
import type { Template } from 'aws-cdk-lib/assertions'
import { describe, expect, it } from 'vitest'

import { meshTemplates, type MeshTemplates } from './support/stacks.ts'

const templates = ({ controlPlane, data, relays }: MeshTemplates): Template[] =>
  [controlPlane, data, relays].filter(template => template !== undefined)
const relays = '1'
const names = ['Mesh', 'MeshData', 'MeshRelays']
const rolesOf = (mesh: MeshTemplates) =>
  templates(mesh).flatMap(template =>
    Object.values(template.findResources('AWS::IAM::Role')).map(({ Properties }) => Properties),
  )

describe('tags', () => {
  it('are those of every stack, which CloudFormation gives every resource', () => {
    const { assembly } = meshTemplates({ relays, tags: 'team=net ops,cost-centre=4711' })
    for (const name of names)
      expect(assembly.getStackByName(name).tags).toEqual({ team: 'net ops', 'cost-centre': '4711' })
  })

  it('are none without the setting', () => {
    for (const name of names) expect(meshTemplates({ relays }).assembly.getStackByName(name).tags).toEqual({})
  })
})

describe('permissionsBoundary', () => {
  const permissionsBoundary = 'arn:aws:iam::000000000000:policy/edge/bound'

  it('bounds every role, those of relays and of the CDK included', () => {
    const roles = rolesOf(meshTemplates({ relays, permissionsBoundary, trafficShift: 'canary' }))
    expect(roles.length).toBeGreaterThan(8)
    for (const { PermissionsBoundary } of roles) expect(PermissionsBoundary).toBe(permissionsBoundary)
  })

  it('bounds none without the setting', () => {
    for (const role of rolesOf(meshTemplates({ relays })))
      expect(role).not.toHaveProperty('PermissionsBoundary')
  })
})

describe('qualifier', () => {
  it('is that of the bootstrap that every stack is deployed by, and that keeps its assets', () => {
    const mesh = meshTemplates({ relays, qualifier: 'mesh1' })
    for (const name of names) {
      const stack = mesh.assembly.getStackByName(name)
      expect(stack.assumeRoleArn).toContain('cdk-mesh1-deploy-role')
      expect(stack.bootstrapStackVersionSsmParameter).toBe('/cdk-bootstrap/mesh1/version')
    }
    mesh.controlPlane.hasResourceProperties('AWS::Lambda::Function', {
      Code: { S3Bucket: { 'Fn::Sub': 'cdk-mesh1-assets-${AWS::AccountId}-${AWS::Region}' } },
    })
  })
})

describe('viewerAddressHeader', () => {
  const proxy = { viewerAddressHeader: 'cf-connecting-ip', proxySecretSha256: 'a1'.repeat(32) }
  const environments = (context: Record<string, string>) =>
    Object.values(meshTemplates(context).controlPlane.findResources('AWS::Lambda::Function')).map(
      ({ Properties }) => Properties.Environment.Variables as Record<string, unknown>,
    )

  it('is known to the functions with the hash of the secret that makes it trusted', () => {
    expect(environments(proxy)).toHaveLength(5)
    for (const environment of environments(proxy))
      expect(environment).toMatchObject({
        VIEWER_ADDRESS_HEADER: 'cf-connecting-ip',
        PROXY_SECRET_SHA256: 'a1'.repeat(32),
      })
  })

  it('is not set without the setting: no header is trusted', () => {
    for (const environment of environments({}))
      for (const name of ['VIEWER_ADDRESS_HEADER', 'PROXY_SECRET_SHA256'])
        expect(environment).not.toHaveProperty(name)
  })
})
