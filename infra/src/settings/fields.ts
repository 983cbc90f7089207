import { usual } from './usual.ts'

/** Every setting of a deployment: its name, what its text may be, and what it is without one. */
export interface Field<T = unknown> {
  /** The value of a text; undefined when the text is none. */
  read: (text: string) => T | undefined
  /** What the text must be, for an error about another. */
  must: string
  /** The text that counts when none is given; absent: the setting has no value then. */
  usual?: string
}

const field = <T>(must: string, read: Field<T>['read']): Field<T> => ({ must, read })
const usually = <T>(text: string, of: Field<T>) => ({ ...of, usual: text })

const matching = (must: string, pattern: RegExp, most = 2_048): Field<string> =>
  field(must, text => (text.length <= most && pattern.test(text) ? text : undefined))

const count = (without: number, least: number, most: number) =>
  usually(
    String(without),
    field(least === 0 ? `a whole number up to ${most}` : `a whole number from ${least} to ${most}`, text =>
      /^\d{1,9}$/.test(text) && +text >= least && +text <= most ? +text : undefined,
    ),
  )

const oneOf = <const T extends string>(...texts: readonly T[]) =>
  field<T>(`one of ${texts.join(', ')}`, text => texts.find(each => each === text))

const yesOrNo = (without: 'true' | 'false') =>
  usually(
    without,
    field('true or false', text => (text === 'true' || text === 'false' ? text === 'true' : undefined)),
  )

const arn = (service: string, resource: string, what: string): Field<string> =>
  matching(what, new RegExp(`^arn:aws[a-z-]*:${service}:[a-z0-9-]*:\\d*:${resource}$`))

const mail = matching('a mail address', /^[^\s@]+@[^\s@]+$/, 254)
const url = (scheme: 'http' | 'ws') =>
  matching(
    `a URL that begins with ${scheme}s:// or ${scheme}://`,
    new RegExp(`^${scheme}s?://[^\\s/]+[^\\s]*$`),
    512,
  )

/** Retentions that CloudWatch Logs knows, days. */
const retentions = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731]

/** Keys that sign at one time: two during a rotation, one more for a rotation that another follows at once. */
const mostKeys = 3
const keyArn = arn('kms', 'key/[A-Za-z0-9-]+', '')

const keyArns = field<readonly string[]>(
  `the ARNs of up to ${mostKeys} KMS keys (arn:aws:kms:REGION:ACCOUNT:key/ID), with commas between`,
  text => {
    const arns = text.split(',').map(each => each.trim())
    return arns.length <= mostKeys && arns.every(each => keyArn.read(each) !== undefined) ? arns : undefined
  },
)

/** Tags a resource takes, less those that CloudFormation adds itself. */
const mostTags = 40

const tags = field<Readonly<Record<string, string>>>(
  `up to ${mostTags} tags KEY=VALUE, with commas between`,
  text => {
    const pairs = text.split(',').map(each => /^\s*([\w .:/+@-]{1,128})=([\w .:/=+@-]{0,256})$/.exec(each))
    const read = pairs.map(pair => [pair?.[1] ?? '', pair?.[2] ?? ''] as const)
    const fits = read.length <= mostTags && read.every(([key]) => key !== '' && !/^aws:/i.test(key))
    return fits ? Object.fromEntries(read) : undefined
  },
)

const domainName = matching('a domain name', /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/i, 240)

/** The settings by name; docs/deploy-aws.md describes each. */
export const fields = {
  domain: domainName,
  certificateArn: arn('acm', 'certificate/.+', 'the ARN of a certificate in ACM'),
  hostedZoneId: matching('the id of a hosted zone in Route 53', /^Z[A-Z0-9]{1,31}$/),
  publicUrl: url('http'),
  watchUrl: url('ws'),
  pushUrl: url('http'),
  viewerAddressHeader: matching('the name of a header', /^[A-Za-z0-9-]{1,64}$/),
  proxySecretSha256: matching('64 hexadecimal digits', /^[0-9a-f]{64}$/i),
  tableName: matching('the name of a table in DynamoDB', /^[\w.-]{3,255}$/),
  tableStreamArn: arn('dynamodb', 'table/[\\w.-]+/stream/.+', 'the ARN of the stream of that table'),
  authorityKeyArn: keyArns,
  relays: count(0, 0, 100),
  relayDomain: domainName,
  relayMail: mail,
  relayInstanceType: usually(
    usual.relayInstanceType,
    matching('an instance type for arm64, as t4g.micro', /^[a-z]+\d+g[a-z]*\.[a-z0-9]+$/, 32),
  ),
  vpcId: matching('the id of a VPC', /^vpc-[0-9a-f]{8,17}$/),
  retentionDays: usually(
    String(usual.retentionDays),
    field(`one of ${retentions.join(', ')}`, text => retentions.find(days => String(days) === text)),
  ),
  budgetUsd: field('an amount above 0', text => (Number(text) > 0 ? Number(text) : undefined)),
  budgetEmail: mail,
  alarmEmail: mail,
  alarmTopicArn: arn('sns', '[\\w-]+', 'the ARN of a topic in SNS'),
  maxMembers: count(usual.maxMembers, 1, 10_000_000),
  requestRate: count(usual.requestRate, 1, 10_000),
  requestBurst: count(usual.requestBurst, 1, 5_000),
  sweepMinutes: count(usual.sweepMinutes, 1, 1_440),
  healthSeconds: count(usual.healthSeconds, 0, 300),
  trafficShift: usually('none', oneOf('none', 'canary', 'linear')),
  apiConcurrency: field('a whole number from 1 to 10000', text =>
    /^\d{1,5}$/.test(text) && +text >= 1 && +text <= 10_000 ? +text : undefined,
  ),
  accountConcurrency: count(usual.accountConcurrency, 10, 1_000_000),
  tracing: yesOrNo('false'),
  protectData: yesOrNo('true'),
  permissionsBoundary: arn('iam', 'policy/.+', 'the ARN of a managed policy in IAM'),
  tags,
  qualifier: matching('up to 10 letters and digits, as given to cdk bootstrap', /^[A-Za-z0-9]{1,10}$/),
} satisfies Record<string, Field>

export type SettingName = keyof typeof fields

/** What the texts of the settings say, by name. */
export type Values = {
  [N in SettingName]: (typeof fields)[N] extends Field<infer T>
    ? (typeof fields)[N] extends { usual: string }
      ? T
      : T | undefined
    : never
}

export const settingNames = Object.keys(fields) as readonly SettingName[]
