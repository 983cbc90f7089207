import type { Node } from 'constructs'

/** What `-c name=value` sets; docs/deploy-aws.md describes each. */
export interface Settings {
  /** Domain of the API; watchers use `watch.` before it. Needs a certificate. */
  domain?: { name: string; certificateArn: string }
  /** Where members reach API and watch when a proxy of your own stands before them. */
  publicUrls?: { api: string; watch: string }
  /** Where pushes to watchers are posted; absent: at API Gateway. For emulators. */
  pushUrl?: string
  /** Relays at least; 0: no relay stack. */
  relays: number
  /** Image of the relay; absent: built from deploy/docker/relay.Dockerfile. */
  relayImage?: string
  /** Certificate of the relays' TLS listener on port 443; absent: no such listener. */
  relayCertificateArn?: string
  /** Days that logs are kept. */
  retentionDays: number
  /** A mail is sent when the month's bill is forecast above it. */
  budget?: { usd: number; email: string }
  /** Mail that alarms go to; absent: alarms only show. */
  alarmEmail?: string
  /** Agents and relays the mesh takes. */
  maxMembers: number
  /** Requests a second that the API takes, and at once. */
  throttle: { rate: number; burst: number }
  /** Minutes between two sweeps of what has expired. */
  sweepMinutes: number
  /** Seconds that reports of relays are gathered before health is summed up. */
  healthSeconds: number
  /** Whether the table outlives the stack; false only for stacks made to be thrown away. */
  protectData: boolean
}

/** Retentions that CloudWatch Logs knows, days. */
const retentions = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731]

/** Reads and checks the settings. @throws Error naming the setting and its value */
export function readSettings(node: Node): Settings {
  const text = (name: string): string | undefined => {
    const value: unknown = node.tryGetContext(name)
    return value === undefined || value === '' ? undefined : String(value)
  }
  const count = (name: string, usual: number, most: number): number => {
    const value = Number(text(name) ?? usual)
    if (Number.isInteger(value) && value >= 0 && value <= most) return value
    throw refuse(name, text(name), `a whole number up to ${most}`)
  }
  const retentionDays = count('retentionDays', 30, 731)
  if (!retentions.includes(retentionDays))
    throw refuse('retentionDays', retentionDays, `one of ${retentions.join(', ')}`)
  return {
    ...optional(
      'domain',
      pair(text, 'domain', 'certificateArn', (name, certificateArn) => ({ name, certificateArn })),
    ),
    ...optional(
      'publicUrls',
      pair(text, 'publicUrl', 'watchUrl', (api, watch) => ({ api, watch })),
    ),
    ...optional(
      'budget',
      pair(text, 'budgetUsd', 'budgetEmail', (usd, email) => ({ usd: amount(usd), email })),
    ),
    ...optional('pushUrl', text('pushUrl')),
    ...optional('relayImage', text('relayImage')),
    ...optional('relayCertificateArn', text('relayCertificateArn')),
    ...optional('alarmEmail', text('alarmEmail')),
    relays: count('relays', 0, 256),
    retentionDays,
    maxMembers: count('maxMembers', 5_000, 10_000_000),
    throttle: { rate: count('requestRate', 500, 10_000), burst: count('requestBurst', 1_000, 5_000) },
    sweepMinutes: Math.max(1, count('sweepMinutes', 10, 1_440)),
    healthSeconds: count('healthSeconds', 60, 300),
    protectData: text('protectData') !== 'false',
  }
}

const refuse = (name: string, value: unknown, wanted: string) =>
  new Error(`Cannot read -c ${name}=${String(value)}: it must be ${wanted}`)

const optional = <K extends string, V>(name: K, value: V | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [key in K]?: V }

/** Two settings that only make sense together. */
function pair<T>(
  text: (name: string) => string | undefined,
  one: string,
  other: string,
  make: (one: string, other: string) => T,
): T | undefined {
  const [a, b] = [text(one), text(other)]
  if (a === undefined && b === undefined) return undefined
  if (a !== undefined && b !== undefined) return make(a, b)
  throw new Error(
    `Cannot read -c ${a === undefined ? other : one}: -c ${a === undefined ? one : other} is missing`,
  )
}

function amount(value: string): number {
  const usd = Number(value)
  if (usd > 0) return usd
  throw refuse('budgetUsd', value, 'an amount above 0')
}
