import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import { HttpApi, HttpStage, type DomainName, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'

import { mapDomain } from './custom-domains.ts'
import type { CompleteProps } from './props.ts'

/** The HTTP API; what it serves is added by {@link serveHttp} once the Lambda is there, which knows its address. */
export const httpApi = (scope: Construct, { domain }: Pick<CompleteProps, 'domain'>): HttpApi =>
  new HttpApi(scope, 'HttpApi', {
    description: 'Agent Mesh control plane',
    createDefaultStage: false,
    // A way around the domain and the proxy before it.
    disableExecuteApiEndpoint: domain !== undefined,
  })

/** Sends every request to the Lambda, throttled and logged. The Lambda authorises by signatures. */
export function serveHttp(
  api: HttpApi,
  lambda: IFunction,
  { throttle, logRetention, accessLogRemovalPolicy }: CompleteProps,
  domain: DomainName | undefined,
): void {
  const logs = new LogGroup(api, 'AccessLogs', {
    retention: logRetention,
    // Evidence: it outlives the stack as the data does.
    removalPolicy: accessLogRemovalPolicy,
  })
  const stage = new HttpStage(api, 'Stage', {
    httpApi: api,
    stageName: '$default',
    autoDeploy: true,
    throttle: { rateLimit: throttle.rate, burstLimit: throttle.burst },
    accessLogSettings: {
      destination: new LogGroupLogDestination(logs),
      // Neither query nor headers: they carry what callers signed.
      format: AccessLogFormat.custom(
        JSON.stringify({
          requestId: '$context.requestId',
          at: '$context.requestTimeEpoch',
          ip: '$context.identity.sourceIp',
          method: '$context.httpMethod',
          path: '$context.path',
          status: '$context.status',
          bytes: '$context.responseLength',
          ms: '$context.responseLatency',
          error: '$context.integrationErrorMessage',
        }),
      ),
    },
  })
  if (domain !== undefined) mapDomain(api, stage, domain)
  api.addRoutes({ path: '/{proxy+}', integration: new HttpLambdaIntegration('Lambda', lambda) })
}
