import { describe, expect, it } from 'vitest'

import { parseSettings } from './parse-settings.ts'

const key = (id: string) => `arn:aws:kms:eu-west-1:000000000000:key/${id}`

it('without any, everything has its usual value', () => {
  expect(parseSettings({})).toEqual({
    maxMembers: 5_000,
    trafficShift: 'none',
    accountConcurrency: 1_000,
    tracing: false,
    relays: 0,
    relayInstanceType: 't4g.micro',
    retentionDays: 30,
    sweepMinutes: 10,
    healthSeconds: 60,
    protectData: true,
    throttle: { rate: 500, burst: 1_000 },
    tags: {},
  })
})

it('an empty text is none', () => {
  expect(parseSettings({ domain: '', relays: '' })).toEqual(parseSettings({}))
})

it('lists are separated by commas', () => {
  const { authorityKeyArns, tags } = parseSettings({
    authorityKeyArn: `${key('old')}, ${key('new')}`,
    tags: 'team=net ops,cost-centre=4711=b',
  })
  expect(authorityKeyArns).toEqual([key('old'), key('new')])
  expect(tags).toEqual({ team: 'net ops', 'cost-centre': '4711=b' })
})

describe('refuses', () => {
  it.each([
    ['domian', 'domain'],
    ['relay', 'relays'],
    ['alarmTopicARN', 'alarmTopicArn'],
  ])('the unknown setting %s, and says %s', (name, nearest) => {
    expect(() => parseSettings({ [name]: 'x' })).toThrow(
      expect.objectContaining({
        code: 'not_found',
        message: `Cannot use setting ${name}: there is no such setting`,
        hint: `Did you mean ${nearest}?`,
      }),
    )
  })

  it.each([
    [{ relays: '-1' }, 'Cannot use setting relays=-1: it must be a whole number up to 100'],
    [{ sweepMinutes: '0' }, 'Cannot use setting sweepMinutes=0: it must be a whole number from 1 to 1440'],
    [{ retentionDays: '2' }, 'Cannot use setting retentionDays=2: it must be one of 1, 3, 5'],
    [{ protectData: 'no' }, 'Cannot use setting protectData=no: it must be true or false'],
    [{ domain: 'mesh.example.com' }, 'Cannot use setting domain: certificateArn or hostedZoneId is missing'],
    [{ hostedZoneId: 'Z1' }, 'Cannot use setting hostedZoneId: domain is missing'],
    [{ tableName: 'restored' }, 'Cannot use setting tableName: tableStreamArn is missing'],
    [{ authorityKeyArn: 'alias/mesh' }, 'it must be the ARNs of up to 3 KMS keys'],
    [{ tags: 'aws:x=y' }, 'it must be up to 40 tags'],
    [{ vpcId: 'default' }, 'Cannot use setting vpcId=default: it must be the id of a VPC'],
    [{ budgetUsd: 'much', budgetEmail: 'a@b.c' }, 'budgetUsd=much: it must be an amount above 0'],
  ] as [Record<string, string>, string][])('%j', (texts, message) => {
    expect(() => parseSettings(texts)).toThrow(message)
  })

  it('names of what every object has', () => {
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(() => parseSettings(Object.fromEntries([[name, 'x']]))).toThrow('there is no such setting')
  })
})
