import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib'
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch'
import type { Alias, Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations'
import { Schedule, ScheduleExpression } from 'aws-cdk-lib/aws-scheduler'
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'

import { acknowledgeFindings } from './control-plane/acknowledged.ts'
import { alarms } from './control-plane/alarms/alarms.ts'
import type { FunctionName } from './control-plane/alarms/watched.ts'
import { budgetAlarm } from './control-plane/budget.ts'
import { customDomains } from './control-plane/custom-domains.ts'
import { dashboard, meshMetric } from './control-plane/dashboard.ts'
import { httpApi, serveHttp } from './control-plane/http-api.ts'
import type { MeshData } from './control-plane/mesh-data.ts'
import { allow, allowReading, allowWriting, meshFunction } from './control-plane/mesh-function.ts'
import { consumeStream, failureQueue } from './control-plane/stream-consumer.ts'
import { liveAlias, shiftTraffic } from './control-plane/traffic-shift.ts'
import { serveWatch, watchApi } from './control-plane/watch-api.ts'
import { streamed } from './data/table.ts'
import type { LambdaName } from './lambda-bundle.ts'
import type { Settings } from './settings.ts'

/** Members warn about old heads, and API Gateway ends connections that are silent for ten minutes. */
const headMinutes = 5

export interface ControlPlaneStackProps extends StackProps {
  /** Folder of the bundled Lambdas: NAME/index.mjs exporting `handler`. */
  bundles: string
  data: MeshData
  settings: Settings
}

/** The control plane of one mesh: its APIs and the Lambdas that answer for them. It holds no state: it can be deployed anew at any time. */
export class ControlPlaneStack extends Stack {
  readonly #props: ControlPlaneStackProps
  readonly #table: ITableV2
  readonly #http: HttpApi
  readonly #watch: ReturnType<typeof watchApi>
  readonly #failures: Queue

  constructor(scope: Construct, id: string, props: ControlPlaneStackProps) {
    super(scope, id, props)
    const { settings } = props
    this.#props = props
    this.#table = props.data.table(this)
    this.#http = httpApi(this, settings)
    const domains = settings.domain === undefined ? undefined : customDomains(this, settings.domain)
    this.#watch = watchApi(this, settings, domains?.watch)
    this.#failures = failureQueue(this, 'FailureQueue')
    const functions = this.#functions()
    const live = this.#live(functions)
    serveHttp(this.#http, live?.Api ?? functions.Api, settings, domains?.api)
    serveWatch(this.#watch.api, live?.Watch ?? functions.Watch)
    this.#startByEvents(functions)
    const made = this.#alarms(functions)
    if (live !== undefined) this.#shiftTraffic(live, made)
    dashboard(this, functions, this.#table)
    if (settings.budget !== undefined) budgetAlarm(this, settings.budget)
    this.#outputs()
    acknowledgeFindings(this, settings)
  }

  /** Where members reach API and watch. */
  get #urls(): { api: string; watch: string } {
    const { domain, publicUrls } = this.#props.settings
    if (publicUrls !== undefined) return publicUrls
    return domain === undefined
      ? { api: this.#apiEndpoint, watch: this.#watch.stage.url }
      : { api: this.#apiEndpoint, watch: `wss://watch.${domain.name}/` }
  }

  /** Where API Gateway answers. */
  get #apiEndpoint(): string {
    const { domain } = this.#props.settings
    return domain === undefined ? this.#http.apiEndpoint : `https://${domain.name}`
  }

  /** What proves a CDN or proxy before the APIs; no secret. */
  get #viewerProxy(): Record<string, string> {
    const { viewerProxy } = this.#props.settings
    return viewerProxy === undefined
      ? {}
      : { VIEWER_ADDRESS_HEADER: viewerProxy.addressHeader, PROXY_SECRET_SHA256: viewerProxy.secretSha256 }
  }

  #function(id: string, name: LambdaName, description: string, seconds: number): Lambda {
    const { retentionDays, tracing, apiConcurrency, maxMembers } = this.#props.settings
    const lambda = meshFunction(this, id, {
      name,
      description,
      bundles: this.#props.bundles,
      retentionDays,
      tracing,
      concurrency: name === 'api' ? apiConcurrency : undefined,
      timeout: Duration.seconds(seconds),
      environment: {
        TABLE_NAME: this.#table.tableName,
        AUTHORITY_KEY_IDS: this.#props.data.keyArns.join(),
        PUBLIC_URL: this.#urls.api,
        WATCH_URL: this.#urls.watch,
        MAX_MEMBERS: String(maxMembers),
        ...this.#viewerProxy,
      },
    })
    allowReading(lambda, this.#table)
    return lambda
  }

  /** Each function has the rights that it needs: to sign, to push. */
  #functions() {
    const functions = {
      Api: this.#function('Api', 'api', 'Answers the HTTP API', 10),
      Watch: this.#function('Watch', 'watch', 'Lets watchers connect and forgets those that leave', 10),
      FanOut: this.#function('FanOut', 'fan-out', 'Pushes changes of head and map to watchers', 60),
      Health: this.#function('Health', 'health', 'Sums up the health of the mesh', 60),
      Sweep: this.#function('Sweep', 'sweep', 'Removes what has expired', 300),
    }
    const { Api, Watch, FanOut, Health, Sweep } = functions
    for (const lambda of [Api, FanOut, Sweep])
      allow(lambda, ['kms:Sign', 'kms:GetPublicKey'], this.#props.data.keyArns)
    for (const lambda of [Api, Sweep]) allowWriting(lambda, this.#table)
    // Its connections; and nonces and the audit, as every request may need them.
    allowWriting(Watch, this.#table, [streamed.watchers.equal, 'Q#*', 'U#*', 'COUNT'])
    allowWriting(FanOut, this.#table, [streamed.watchers.equal])
    allowWriting(Health, this.#table, ['H#*'])
    this.#watch.stage.grantManagementApiAccess(FanOut)
    FanOut.addEnvironment('WATCH_CALLBACK_URL', this.#props.settings.pushUrl ?? this.#watch.stage.callbackUrl)
    return functions
  }

  #startByEvents({ FanOut, Health, Sweep }: Record<'FanOut' | 'Health' | 'Sweep', Lambda>): void {
    const { settings } = this.#props
    const common = { table: this.#table, failures: this.#failures }
    consumeStream(FanOut, {
      ...common,
      wanted: [
        { key: streamed.mapChanges, events: ['INSERT'] },
        { key: streamed.headNumbers, events: ['INSERT', 'MODIFY'] },
        { key: streamed.watchers, events: ['INSERT'] },
      ],
      batchSize: 1_000,
      window: Duration.seconds(0),
    })
    consumeStream(Health, {
      ...common,
      wanted: [{ key: streamed.leases, events: ['INSERT', 'MODIFY'] }],
      batchSize: 10_000,
      window: Duration.seconds(settings.healthSeconds),
    })
    this.#schedule('SweepSchedule', 'Removes what has expired', settings.sweepMinutes, Sweep)
    this.#schedule('HeadSchedule', 'Sends every watcher a fresh head', headMinutes, FanOut)
  }

  /** The functions that answer requests, by their live versions; undefined where new ones take over at once. */
  #live({ Api, Watch }: Record<'Api' | 'Watch', Lambda>): Record<'Api' | 'Watch', Alias> | undefined {
    if (this.#props.settings.trafficShift === 'none') return undefined
    return { Api: liveAlias(this, 'Api', Api), Watch: liveAlias(this, 'Watch', Watch) }
  }

  #shiftTraffic(live: Record<'Api' | 'Watch', Alias>, made: readonly Alarm[]): void {
    const { trafficShift: shift } = this.#props.settings
    const ending = ['ApiErrors', 'WatchErrors', 'ApiServerErrors', 'Defects']
    if (shift !== 'none')
      shiftTraffic(this, live, { shift, alarms: made.filter(({ node }) => ending.includes(node.id)) })
  }

  #alarms(functions: Record<FunctionName, Lambda>): Alarm[] {
    const { sweepMinutes, accountConcurrency } = this.#props.settings
    const init = {
      functions,
      api: this.#http,
      table: this.#table,
      failures: this.#failures,
      mesh: (name: string, statistic: string, period: Duration) =>
        meshMetric(this, name, statistic).with({ period }),
      sweepMinutes,
      headMinutes,
      accountConcurrency,
    }
    return alarms(this, init, this.#props.settings)
  }

  /** The scheduler knows only whether it could start the function: Lambda retries what it throws and sets it aside. */
  #schedule(id: string, description: string, minutes: number, lambda: Lambda): void {
    lambda.configureAsyncInvoke({
      retryAttempts: 2,
      maxEventAge: Duration.hours(1),
      onFailure: new SqsDestination(this.#failures),
    })
    new Schedule(this, id, {
      description,
      schedule: ScheduleExpression.rate(Duration.minutes(minutes)),
      target: new LambdaInvoke(lambda, {
        deadLetterQueue: this.#failures,
        retryAttempts: 3,
        maxEventAge: Duration.hours(1),
      }),
    })
  }

  /** No secret is among them. */
  #outputs(): void {
    const outputs = {
      BootstrapUrl: `${this.#urls.api}/v1/bootstrap`,
      PublicUrl: this.#urls.api,
      WatchUrl: this.#urls.watch,
      ApiEndpoint: this.#apiEndpoint,
      WatchEndpoint: this.#watch.stage.url,
      TableName: this.#table.tableName,
      AuthorityKeyArns: this.#props.data.keyArns.join(),
      MaxMembers: String(this.#props.settings.maxMembers),
    }
    for (const [id, value] of Object.entries(outputs)) new CfnOutput(this, id, { value })
  }
}
