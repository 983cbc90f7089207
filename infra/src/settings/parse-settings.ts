/** Settings of a deployment, from the texts that an operator gave. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { nearestName } from '@agent-mesh/protocol/nearest-name'

import { fields, settingNames, type Field, type SettingName, type Values } from './fields.ts'

/** What a deployment is made of; docs/deploy-aws.md describes each setting. */
export interface Settings {
  /** Domain of the API; watchers use `watch.` before it. The certificate is given, or made and proven in the hosted zone. */
  domain?: { name: string; certificateArn?: string; hostedZoneId?: string }
  /** Where members reach API and watch when a proxy of your own stands before them. */
  publicUrls?: { api: string; watch: string }
  /** Where pushes to watchers are posted; absent: at API Gateway. For emulators. */
  pushUrl?: string
  /** The CDN or proxy before the APIs that is trusted for the viewer's address. */
  viewerProxy?: { addressHeader: string; secretSha256: string }
  /** The table of the mesh, when it is not the one that the data stack made: adopted, or restored from a backup. */
  table?: { name: string; streamArn: string }
  /** The authority keys that the Lambdas may sign with, when they are not the one that the data stack made. */
  authorityKeyArns?: readonly string[]
  /** Relays; 0: no relay stack. */
  relays: number
  /** Relays are `relay-1.`, `relay-2.` … before it, with certificates; absent: members know their addresses alone. */
  relayDomain?: string
  /** Mail address for Let's Encrypt about those certificates. */
  relayMail?: string
  /** Of EC2, arm64. */
  relayInstanceType: string
  /** VPC of the relays; absent: one is made. */
  vpcId?: string
  /** Days that logs are kept. */
  retentionDays: number
  /** A mail is sent when the month's bill is forecast above it. */
  budget?: { usd: number; email: string }
  /** Mail that alarms go to. */
  alarmEmail?: string
  /** Topic of yours that alarms go to. Neither mail nor topic: alarms only show. */
  alarmTopicArn?: string
  /** Agents and relays the mesh takes. */
  maxMembers: number
  /** Requests a second that the API takes, and at once. */
  throttle: { rate: number; burst: number }
  /** Minutes between two sweeps of what has expired. */
  sweepMinutes: number
  /** Seconds that reports of relays are gathered before health is summed up. */
  healthSeconds: number
  /** How a new version of the functions that answer requests takes over; `none`: at once, without a way back. */
  trafficShift: 'none' | 'canary' | 'linear'
  /** Executions of the Api function at once that are kept for it, and that it never exceeds; absent: what the account has. */
  apiConcurrency?: number
  /** Executions at once that the account may have in the region: an alarm fires at 80 %. */
  accountConcurrency: number
  /** Whether X-Ray traces the functions. */
  tracing: boolean
  /** Whether table and key outlive their stack; false only for stacks made to be thrown away. */
  protectData: boolean
  /** Managed policy that bounds every role of the stacks. */
  permissionsBoundary?: string
  /** Tags of every resource. */
  tags: Readonly<Record<string, string>>
  /** Of the CDK's bootstrap that the stacks use; absent: the CDK's own. */
  qualifier?: string
}

/**
 * Reads and checks settings; an empty text is none.
 * @throws MeshError invalid_argument naming the setting and its value; not_found, with the nearest name, for an unknown one
 */
export function parseSettings(texts: Readonly<Record<string, string>>): Settings {
  for (const name of Object.keys(texts)) checkSettingName(name)
  const values = Object.fromEntries(settingNames.map(name => [name, valueOf(name, texts[name])])) as Values
  const { maxMembers, relays, retentionDays, sweepMinutes, healthSeconds, protectData, tags } = values
  const { relayInstanceType, trafficShift, accountConcurrency, tracing } = values
  const throttle = { rate: values.requestRate, burst: values.requestBurst }
  return {
    ...{ maxMembers, relays, retentionDays, sweepMinutes, healthSeconds, protectData, throttle },
    ...{ relayInstanceType, trafficShift, accountConcurrency, tracing },
    tags: tags ?? {},
    ...present({
      domain: domainOf(values),
      publicUrls: both(values, 'publicUrl', 'watchUrl', (api, watch) => ({ api, watch })),
      viewerProxy: both(
        values,
        'viewerAddressHeader',
        'proxySecretSha256',
        (addressHeader, secretSha256) => ({
          addressHeader,
          secretSha256,
        }),
      ),
      table: both(values, 'tableName', 'tableStreamArn', (name, streamArn) => ({ name, streamArn })),
      budget: both(values, 'budgetUsd', 'budgetEmail', (usd, email) => ({ usd, email })),
      authorityKeyArns: values.authorityKeyArn,
      pushUrl: values.pushUrl,
      relayDomain: values.relayDomain ?? values.domain,
      relayMail: values.relayMail,
      vpcId: values.vpcId,
      apiConcurrency: values.apiConcurrency,
      alarmEmail: values.alarmEmail,
      alarmTopicArn: values.alarmTopicArn,
      permissionsBoundary: values.permissionsBoundary,
      qualifier: values.qualifier,
    }),
  }
}

/** @throws MeshError not_found for an unknown name, with the nearest known one */
export function checkSettingName(name: string): asserts name is SettingName {
  if (Object.hasOwn(fields, name)) return
  const nearest = nearestName(name, settingNames)
  throw new MeshError('not_found', `Cannot use setting ${name}: there is no such setting`, {
    hint: nearest === undefined ? 'docs/deploy-aws.md lists them.' : `Did you mean ${nearest}?`,
  })
}

/** The value of one setting. @throws MeshError invalid_argument */
export function valueOf(name: SettingName, given: string | undefined): unknown {
  const field: Field = fields[name]
  const text = given === undefined || given === '' ? field.usual : given
  if (text === undefined) return undefined
  const value = field.read(text)
  if (value !== undefined) return value
  throw new MeshError('invalid_argument', `Cannot use setting ${name}=${text}: it must be ${field.must}`)
}

function domainOf({ domain, certificateArn, hostedZoneId }: Values): Settings['domain'] {
  if (domain === undefined) {
    for (const [name, value] of Object.entries({ certificateArn, hostedZoneId }))
      if (value !== undefined) throw lacks(name, 'domain')
    return undefined
  }
  if (certificateArn === undefined && hostedZoneId === undefined)
    throw lacks('domain', 'certificateArn or hostedZoneId')
  return { name: domain, ...present({ certificateArn, hostedZoneId }) }
}

/** Two settings that only make sense together. */
function both<A extends SettingName, B extends SettingName, T>(
  values: Values,
  one: A,
  other: B,
  make: (one: NonNullable<Values[A]>, other: NonNullable<Values[B]>) => T,
): T | undefined {
  const [a, b] = [values[one], values[other]]
  if (a === undefined && b === undefined) return undefined
  if (a === undefined || b === undefined)
    throw lacks(a === undefined ? other : one, a === undefined ? one : other)
  return make(a as NonNullable<Values[A]>, b as NonNullable<Values[B]>)
}

const lacks = (name: string, missing: string) =>
  new MeshError('invalid_argument', `Cannot use setting ${name}: ${missing} is missing`)

type Present<T> = { [K in keyof T]?: NonNullable<T[K]> }

/** Without what is undefined. */
const present = <T extends object>(all: T): Present<T> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Present<T>
