import { WebSocketApi, WebSocketStage, type DomainName } from 'aws-cdk-lib/aws-apigatewayv2'
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'

import { mapDomain } from './custom-domains.ts'
import type { CompleteProps } from './props.ts'

/** The WebSocket API that changes are pushed through, with its one stage. */
export function watchApi(
  scope: Construct,
  { throttle }: Pick<CompleteProps, 'throttle'>,
  domain: DomainName | undefined,
): { api: WebSocketApi; stage: WebSocketStage } {
  const api = new WebSocketApi(scope, 'WatchApi', {
    description: 'Agent Mesh watch: head and map changes, pushed to relays and dashboards',
  })
  const stage = new WebSocketStage(scope, 'WatchStage', {
    webSocketApi: api,
    stageName: 'watch',
    autoDeploy: true,
    throttle: { rateLimit: throttle.rate, burstLimit: throttle.burst },
  })
  if (domain !== undefined) mapDomain(api, stage, domain)
  return { api, stage }
}

/** Connecting, leaving and whatever watchers send go to one Lambda. */
export function serveWatch(api: WebSocketApi, lambda: IFunction): void {
  for (const route of ['$connect', '$disconnect', '$default'] as const)
    api.addRoute(route, { integration: new WebSocketLambdaIntegration(`Watch${route.slice(1)}`, lambda) })
}
