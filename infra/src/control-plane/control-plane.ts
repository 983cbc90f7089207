import type { HttpApi, WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch'
import type { Alias, Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'

import { acknowledgeFindings } from './acknowledged.ts'
import { alarms } from './alarms/alarms.ts'
import { notify } from './alarms/notify.ts'
import type { FunctionName } from './alarms/watched.ts'
import { customDomains } from './custom-domains.ts'
import { dashboard, meshMetric } from './dashboard.ts'
import { meshFunctions } from './functions.ts'
import { httpApi, serveHttp } from './http-api.ts'
import { meshOutputs } from './outputs.ts'
import { completeProps, type CompleteProps, type ControlPlaneProps } from './props.ts'
import { headInterval, startByEvents } from './starts.ts'
import { failureQueue } from './stream-consumer.ts'
import { liveAlias, shiftTraffic, type TrafficShift } from './traffic-shift.ts'
import { serveWatch, watchApi } from './watch-api.ts'

/** Alarms that end a shift of traffic. */
const endingAlarms = ['ApiErrors', 'WatchErrors', 'ApiServerErrors', 'Defects']

/**
 * The control plane of one mesh: its APIs, the Lambdas that answer for them, alarms and a dashboard. It holds no state: the mesh is
 * in the table and the authority keys. A stack may have several, each with a table of its own.
 * `agent-mesh admin init --stack STACK/ID` makes the mesh once it is deployed.
 */
export class ControlPlane extends Construct {
  /** Where members reach the HTTP API, without a trailing slash. */
  readonly publicUrl: string
  /** URL of the first request of a new member. */
  readonly bootstrapUrl: string
  /** Where watchers connect. */
  readonly watchUrl: string
  /** All alarms, for actions besides the topic's. */
  readonly alarms: readonly Alarm[]
  readonly functions: Readonly<Record<FunctionName, Lambda>>
  readonly httpApi: HttpApi
  readonly watchStage: WebSocketStage
  /** Queue of the events that a function failed to handle repeatedly. */
  readonly failures: Queue

  constructor(scope: Construct, id: string, given: ControlPlaneProps) {
    super(scope, id)
    const props = completeProps(given)
    const { domain } = props
    this.httpApi = httpApi(this, props)
    const domains = domain === undefined ? undefined : customDomains(this, domain)
    const watch = watchApi(this, props, domains?.watch)
    this.watchStage = watch.stage
    const endpoint = domain === undefined ? this.httpApi.apiEndpoint : `https://${domain.name}`
    const urls = publicUrls(props, { api: endpoint, watch: this.watchStage.url })
    ;({ api: this.publicUrl, watch: this.watchUrl } = urls)
    this.bootstrapUrl = `${this.publicUrl}/v1/bootstrap`
    this.failures = failureQueue(this, 'FailureQueue')
    const functions = meshFunctions(this, { props, urls, watchStage: this.watchStage })
    this.functions = functions
    const live = this.#live(props.trafficShift)
    serveHttp(this.httpApi, live?.Api ?? functions.Api, props, domains?.api)
    serveWatch(watch.api, live?.Watch ?? functions.Watch)
    startByEvents(this, { functions, props, failures: this.failures })
    this.alarms = this.#alarms(props)
    if (props.alarmTopic !== undefined) this.notify(props.alarmTopic)
    if (live !== undefined) this.#shiftTraffic(live, props.trafficShift)
    dashboard(this, functions, props.table)
    this.#outputs(props, endpoint)
    acknowledgeFindings(this, props)
  }

  /** Sends to one more topic that an alarm fires, and that it ends. */
  notify(topic: ITopic): void {
    notify(this.alarms, topic)
  }

  /** The functions that answer requests, by their live versions; undefined where new ones take over at once. */
  #live(shift: TrafficShift | undefined): Record<'Api' | 'Watch', Alias> | undefined {
    const { Api, Watch } = this.functions
    return shift && { Api: liveAlias(this, 'Api', Api), Watch: liveAlias(this, 'Watch', Watch) }
  }

  #shiftTraffic(live: Record<'Api' | 'Watch', Alias>, shift: TrafficShift | undefined): void {
    const ending = this.alarms.filter(({ node }) => endingAlarms.includes(node.id))
    if (shift !== undefined) shiftTraffic(this, live, { shift, alarms: ending })
  }

  #alarms({ table, sweepInterval, accountConcurrency }: CompleteProps): Alarm[] {
    return alarms(this, {
      functions: this.functions,
      api: this.httpApi,
      table,
      failures: this.failures,
      mesh: (name, statistic, period) => meshMetric(this, name, statistic).with({ period }),
      sweepMinutes: sweepInterval.toMinutes(),
      headMinutes: headInterval.toMinutes(),
      accountConcurrency,
    })
  }

  #outputs({ table, authorityKeys, maxMembers }: CompleteProps, ApiEndpoint: string): void {
    meshOutputs(this, {
      BootstrapUrl: this.bootstrapUrl,
      PublicUrl: this.publicUrl,
      WatchUrl: this.watchUrl,
      ApiEndpoint,
      WatchEndpoint: this.watchStage.url,
      TableName: table.tableName,
      AuthorityKeyArns: authorityKeys.map(({ keyArn }) => keyArn).join(),
      MaxMembers: String(maxMembers),
    })
  }
}

/** Where members reach API and watch. @param own what API Gateway answers at */
function publicUrls(
  { domain, publicUrls: given }: CompleteProps,
  own: { api: string; watch: string },
): { api: string; watch: string } {
  if (given !== undefined) return { ...given }
  return domain === undefined ? own : { api: own.api, watch: `wss://watch.${domain.name}/` }
}
