import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { IHostedZone } from 'aws-cdk-lib/aws-route53'
import type { ITopic } from 'aws-cdk-lib/aws-sns'

import { usualLambdas } from '../lambda-bundle.ts'
import { usual } from '../settings/usual.ts'
import type { TrafficShift } from './traffic-shift.ts'

/** A domain of the APIs. */
export interface MeshDomain {
  /** Of the HTTP API; watchers use `watch.` before it. */
  readonly name: string
  /** Covers both names, in the region of the stack. @default one is made, and proven in the hosted zone */
  readonly certificate?: ICertificate
  /** Both names are created in it. @default none: you point both names at the regional domain names of API Gateway */
  readonly hostedZone?: IHostedZone
}

/** A CDN or proxy in front of the APIs that is trusted for the address of the viewer. */
export interface ViewerProxy {
  /** Header in which it writes the address of the viewer. */
  readonly addressHeader: string
  /** SHA-256, 64 hexadecimal digits, of the secret that it sends in `mesh-proxy-secret`. */
  readonly secretSha256: string
}

export interface ControlPlaneProps {
  /**
   * Table of the mesh: partition key `pk` and sort key `sk` (strings), TTL attribute `ttl`, a stream of keys, as {@link MeshData}
   * makes it. One table holds one mesh. One that is looked up needs its stream: `TableV2.fromTableAttributes`.
   */
  readonly table: ITableV2
  /**
   * KMS keys (ECC_NIST_P256, SIGN_VERIFY) that may sign, 1 to 3: the key chain in the table says which one does. Two while one takes
   * over from the other. Their key policies must leave it to IAM who may use them, as those of the CDK do.
   */
  readonly authorityKeys: readonly IKey[]
  /** @default the APIs' own addresses, which are new with each new construct */
  readonly domain?: MeshDomain
  /** Where members reach API and watch, when a proxy of your own is in front of them. @default the domain */
  readonly publicUrls?: { readonly api: string; readonly watch: string }
  /** URL at which pushes to watchers are posted, for emulators. @default API Gateway's */
  readonly pushUrl?: string
  /** @default none: the address of a caller is the one that API Gateway sees */
  readonly viewerProxy?: ViewerProxy
  /** Receives that an alarm fires, and that it ends. @default alarms only show */
  readonly alarmTopic?: ITopic
  /** Agents and relays that the mesh takes. @default 5000 */
  readonly maxMembers?: number
  /** Requests a second that each API takes, and at once. @default 500 and 1000 */
  readonly throttle?: { readonly rate: number; readonly burst: number }
  /** How long logs are kept. @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays
  /** Of the access log, which is evidence. @default RemovalPolicy.RETAIN */
  readonly accessLogRemovalPolicy?: RemovalPolicy
  /** Time between two sweeps of what has expired, whole minutes. @default 10 minutes */
  readonly sweepInterval?: Duration
  /** Time that reports of relays are collected before health is summed up, at most 5 minutes. @default 60 seconds */
  readonly healthInterval?: Duration
  /** How a new version of the functions that answer requests takes over. @default at once, without a way back */
  readonly trafficShift?: TrafficShift
  /** Executions at once that are kept for the Api function, and that it never exceeds. @default what the account has */
  readonly apiConcurrency?: number
  /** Executions at once that the account may have in the region: an alarm fires at 80 %. @default 1000 */
  readonly accountConcurrency?: number
  /** Whether X-Ray traces the functions. @default false */
  readonly tracing?: boolean
  /** Folder of the bundled functions: NAME/index.mjs exporting `handler`. @default those of this version */
  readonly lambdas?: string
}

type Without =
  'domain' | 'publicUrls' | 'pushUrl' | 'viewerProxy' | 'alarmTopic' | 'trafficShift' | 'apiConcurrency'

/** The props with their defaults. */
export type CompleteProps = Required<Omit<ControlPlaneProps, Without>> & Pick<ControlPlaneProps, Without>

export function completeProps(props: ControlPlaneProps): CompleteProps {
  const most = 3
  if (props.authorityKeys.length < 1 || props.authorityKeys.length > most)
    throw new Error(
      `Cannot make a control plane: authorityKeys has ${props.authorityKeys.length} keys, and must have 1 to ${most}`,
    )
  return {
    ...props,
    maxMembers: props.maxMembers ?? usual.maxMembers,
    throttle: props.throttle ?? { rate: usual.requestRate, burst: usual.requestBurst },
    logRetention: props.logRetention ?? usual.retentionDays,
    accessLogRemovalPolicy: props.accessLogRemovalPolicy ?? RemovalPolicy.RETAIN,
    sweepInterval: props.sweepInterval ?? Duration.minutes(usual.sweepMinutes),
    healthInterval: props.healthInterval ?? Duration.seconds(usual.healthSeconds),
    accountConcurrency: props.accountConcurrency ?? usual.accountConcurrency,
    tracing: props.tracing ?? false,
    lambdas: props.lambdas ?? usualLambdas(),
  }
}
