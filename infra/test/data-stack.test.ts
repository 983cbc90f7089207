import { Match } from 'aws-cdk-lib/assertions'
import { describe, expect, it } from 'vitest'

import { meshTemplates } from './support/stacks.ts'

const region = 'eu-west-1:000000000000'
const keyArns = [`arn:aws:kms:${region}:key/old`, `arn:aws:kms:${region}:key/new`]
const restored = {
  tableName: 'restored',
  tableStreamArn: `arn:aws:dynamodb:${region}:table/restored/stream/2026-11-28T00:00:00.000`,
}
const stateful = ['AWS::DynamoDB::GlobalTable', 'AWS::KMS::Key']

/** The environment of the functions, one for each. */
const environments = (context?: Record<string, string>): Record<string, unknown>[] => {
  const { controlPlane } = meshTemplates(context)
  const functions = Object.values(controlPlane.findResources('AWS::Lambda::Function'))
  return functions.map(({ Properties }) => Properties.Environment.Variables)
}

describe('the data stack', () => {
  it('keeps the table when it goes: on demand, with TTL, a stream of keys alone, point-in-time recovery', () => {
    meshTemplates().data?.hasResource('AWS::DynamoDB::GlobalTable', {
      DeletionPolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
        StreamSpecification: { StreamViewType: 'KEYS_ONLY' },
        Replicas: [
          Match.objectLike({
            DeletionProtectionEnabled: true,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          }),
        ],
      },
    })
  })

  it('keeps the authority key when it goes: P-256, for signing', () => {
    meshTemplates().data?.hasResource('AWS::KMS::Key', {
      DeletionPolicy: 'Retain',
      Properties: { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    })
  })

  it('holds all that a control plane cannot make anew', () => {
    const { controlPlane, data } = meshTemplates()
    for (const type of stateful) {
      controlPlane.resourceCountIs(type, 0)
      data?.resourceCountIs(type, 1)
    }
    expect(Object.keys(data?.toJSON().Resources)).toHaveLength(stateful.length)
  })

  it('exports the same whatever the control plane takes of it: exports in use cannot be withdrawn', () => {
    const exported = (context: Record<string, string>): unknown =>
      meshTemplates(context).data?.toJSON().Outputs
    const all = exported({})
    expect(Object.keys(all as object).filter(name => name.startsWith('Export'))).toHaveLength(4)
    expect(exported(restored)).toEqual(all)
    expect(exported({ authorityKeyArn: keyArns.join() })).toEqual(all)
  })

  it('is not made where settings name table and keys', () => {
    expect(meshTemplates({ ...restored, authorityKeyArn: keyArns.join() }).data).toBeUndefined()
  })
})

describe('the control plane', () => {
  it('works with a table that is named: its functions, their rights and its stream', () => {
    for (const environment of environments(restored)) expect(environment['TABLE_NAME']).toBe('restored')
    const { controlPlane } = meshTemplates(restored)
    controlPlane.allResourcesProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: restored.tableStreamArn,
    })
    const rights = JSON.stringify(controlPlane.findResources('AWS::IAM::Policy'))
    expect(rights).toContain('table/restored')
    expect(rights).not.toContain('MeshData:ExportsOutputFnGetAttTable')
  })

  it('signs with each key that is named, in their order, and with no other', () => {
    const authorityKeyArn = keyArns.join()
    for (const environment of environments({ authorityKeyArn }))
      expect(environment['AUTHORITY_KEY_IDS']).toBe(authorityKeyArn)
    const { controlPlane } = meshTemplates({ authorityKeyArn })
    for (const name of ['Api', 'FanOut', 'Sweep'])
      controlPlane.hasResourceProperties('AWS::IAM::Policy', {
        PolicyDocument: {
          Statement: Match.arrayWith([
            { Action: ['kms:Sign', 'kms:GetPublicKey'], Effect: 'Allow', Resource: keyArns },
          ]),
        },
        PolicyName: Match.stringLikeRegexp(`^${name}Role`),
      })
    expect(JSON.stringify(controlPlane.toJSON())).not.toContain('MeshData:ExportsOutputFnGetAttAuthorityKey')
  })
})
