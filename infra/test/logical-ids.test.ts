/** CloudFormation deletes what gets another logical id, and makes it anew: an update must never do that to what holds something. */
import type { Template } from 'aws-cdk-lib/assertions'
import { expect, it } from 'vitest'

import { meshTemplates } from './support/stacks.ts'

const ids = (template: Template | undefined, ...types: string[]): string[] =>
  types.flatMap(type => Object.keys(template?.findResources(`AWS::${type}`) ?? {}))

const domain = { domain: 'mesh.example.com', hostedZoneId: 'Z0123456789' }

it('table and authority key have the ids of the first release, and so have their exports', () => {
  const { data } = meshTemplates()
  expect(ids(data, 'DynamoDB::GlobalTable', 'KMS::Key')).toEqual(['TableCD117FA1', 'AuthorityKeyE865E931'])
  expect(Object.keys(data?.findOutputs('*') ?? {}).filter(name => name.startsWith('Exports'))).toEqual([
    'ExportsOutputRefTableCD117FA1D18A8047',
    'ExportsOutputFnGetAttTableCD117FA1ArnE2C8C204',
    'ExportsOutputFnGetAttTableCD117FA1StreamArnB270E65B',
    'ExportsOutputFnGetAttAuthorityKeyE865E931Arn157C7B27',
  ])
})

it('the APIs, which members know by their addresses, and the access log, which is evidence', () => {
  const { controlPlane } = meshTemplates()
  expect(ids(controlPlane, 'ApiGatewayV2::Api')).toEqual(['HttpApiF5A9A8A7', 'WatchApiF9434919'])
  expect(ids(controlPlane, 'Logs::LogGroup', 'SQS::Queue')).toEqual(
    expect.arrayContaining(['HttpApiAccessLogsDED8C7A4', 'FailureQueue4F308C52']),
  )
})

it('domains, their certificate and their mappings, of which there is one for a domain at a time', () => {
  const { controlPlane } = meshTemplates(domain)
  expect(
    ids(
      controlPlane,
      'ApiGatewayV2::DomainName',
      'ApiGatewayV2::ApiMapping',
      'CertificateManager::Certificate',
    ).sort(),
  ).toEqual([
    'Certificate4E7ABB08',
    'Domain66AC69E0',
    'HttpApiStageMeshDomainundefined3041A4EB',
    'WatchDomainF8C20A11',
    'WatchStageMeshWatchDomainundefined44574FF5',
  ])
})

it('addresses and disks of relays, and the VPC of their own', () => {
  const { relays } = meshTemplates({ relays: '2' })
  expect(ids(relays, 'EC2::EIP', 'EC2::Volume', 'EC2::VPC')).toEqual([
    'Relay1Address898D4DA4',
    'Relay2AddressDBAA8386',
    'Relay1DiskE0C64CC8',
    'Relay2Disk1F92A7F8',
    'Vpc8378EB38',
  ])
})
