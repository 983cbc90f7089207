/** The functions of a control plane and their rights. */
import { Duration } from 'aws-cdk-lib'
import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'

import { streamed } from '../data/table.ts'
import type { LambdaName } from '../lambda-bundle.ts'
import type { FunctionName } from './alarms/watched.ts'
import { allow, allowReading, allowWriting, meshFunction } from './mesh-function.ts'
import type { CompleteProps } from './props.ts'

export interface MeshFunctionsInit {
  props: CompleteProps
  /** Where members reach API and watch. */
  urls: { api: string; watch: string }
  watchStage: WebSocketStage
}

/** Each function has the rights that it needs: to sign, to push. */
export function meshFunctions(scope: Construct, init: MeshFunctionsInit): Record<FunctionName, Lambda> {
  const { props, watchStage } = init
  const make = (id: string, name: LambdaName, description: string, seconds: number): Lambda =>
    oneFunction(scope, id, { name, description, seconds }, init)
  const functions = {
    Api: make('Api', 'api', 'Answers the HTTP API', 10),
    Watch: make('Watch', 'watch', 'Lets watchers connect and forgets those that leave', 10),
    FanOut: make('FanOut', 'fan-out', 'Pushes changes of head and map to watchers', 60),
    Health: make('Health', 'health', 'Sums up the health of the mesh', 60),
    Sweep: make('Sweep', 'sweep', 'Removes what has expired', 300),
  }
  const { Api, Watch, FanOut, Health, Sweep } = functions
  const keys = props.authorityKeys.map(({ keyArn }) => keyArn)
  for (const lambda of [Api, FanOut, Sweep]) allow(lambda, ['kms:Sign', 'kms:GetPublicKey'], keys)
  for (const lambda of [Api, Sweep]) allowWriting(lambda, props.table)
  // Its connections; and nonces and the audit, as every request may need them.
  allowWriting(Watch, props.table, [streamed.watchers.equal, 'Q#*', 'U#*', 'COUNT'])
  allowWriting(FanOut, props.table, [streamed.watchers.equal])
  allowWriting(Health, props.table, ['H#*'])
  watchStage.grantManagementApiAccess(FanOut)
  FanOut.addEnvironment('WATCH_CALLBACK_URL', props.pushUrl ?? watchStage.callbackUrl)
  return functions
}

function oneFunction(
  scope: Construct,
  id: string,
  { name, description, seconds }: { name: LambdaName; description: string; seconds: number },
  { props, urls }: MeshFunctionsInit,
): Lambda {
  const { table, authorityKeys, lambdas, logRetention, tracing, apiConcurrency, maxMembers } = props
  const lambda = meshFunction(scope, id, {
    ...{ name, description, lambdas, logRetention, tracing },
    concurrency: name === 'api' ? apiConcurrency : undefined,
    timeout: Duration.seconds(seconds),
    environment: {
      TABLE_NAME: table.tableName,
      AUTHORITY_KEY_IDS: authorityKeys.map(({ keyArn }) => keyArn).join(),
      PUBLIC_URL: urls.api,
      WATCH_URL: urls.watch,
      MAX_MEMBERS: String(maxMembers),
      ...proxyEnvironment(props),
    },
  })
  allowReading(lambda, table)
  return lambda
}

/** Proof of a CDN or proxy before the APIs; no secret. */
const proxyEnvironment = ({ viewerProxy }: CompleteProps): Record<string, string> =>
  viewerProxy === undefined
    ? {}
    : { VIEWER_ADDRESS_HEADER: viewerProxy.addressHeader, PROXY_SECRET_SHA256: viewerProxy.secretSha256 }
