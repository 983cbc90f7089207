/** OpenAPI 3.1 of what a caller of the gateway may call. */
import type { DescribedService } from '@agent-mesh/agent/services/contract/host-service'
import { version } from '@agent-mesh/protocol/version'

import type { GatewayCaller } from './caller.ts'
import type { Descriptions } from './descriptions.ts'
import { portPaths } from './openapi-ports.ts'
import { topicPaths } from './openapi-topics.ts'

type Method = DescribedService['methods'][number]

const jsonOf = (schema: object | undefined) => ({ 'application/json': { schema: schema ?? {} } })

/** Where it is asked for. */
export interface Served {
  /** Of the gateway; undefined: the local socket. */
  readonly url: string | undefined
  /** Whether ports open in browsers. */
  readonly browsers: boolean
}

export function openApi(
  { services, unknown }: Descriptions,
  caller: Pick<GatewayCaller, 'targets'>,
  { url, browsers }: Served,
): object {
  const paths = services.flatMap(({ service, methods }) =>
    methods
      .filter(({ takes, yields }) => takes === undefined && yields === undefined)
      .map(method => [`/v1/call/${service}/${method.name}`, { post: operation(service, method) }]),
  )
  return {
    openapi: '3.1.0',
    info: { title: 'Services of the mesh', version },
    ...(url !== undefined && { servers: [{ url }], security: [{ token: [] }] }),
    paths: {
      ...(Object.fromEntries(paths) as object),
      ...topicPaths(caller),
      ...(browsers && portPaths(caller)),
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      parameters: callParameters,
      responses: { problem: { description: 'Why it failed.', content: problemContent } },
    },
    'x-agent-mesh-unknown': unknown,
  }
}

const operation = (
  service: string,
  { name, about, params, result, timeoutMs, effects, idempotent }: Method,
) => ({
  operationId: `${service}.${name}`,
  tags: [service],
  ...(about !== undefined && { summary: about }),
  ...(effects !== undefined && { 'x-agent-mesh-effects': effects }),
  ...(idempotent !== undefined && { 'x-agent-mesh-idempotent': idempotent }),
  ...(timeoutMs !== undefined && { 'x-agent-mesh-timeout-ms': timeoutMs }),
  parameters: Object.keys(callParameters).map(each => ({ $ref: `#/components/parameters/${each}` })),
  requestBody: { content: jsonOf(params) },
  responses: {
    200: { description: 'The result.', content: jsonOf(result) },
    204: { description: 'There is no result.' },
    default: { $ref: '#/components/responses/problem' },
  },
})

const header = (name: string, description: string, schema: object) => ({
  ...{ name, description, schema },
  in: 'header',
  required: false,
})

const callParameters = {
  peer: header('Mesh-Peer', 'Name or peer id of the only member to ask.', { type: 'string' }),
  timeout: header('Mesh-Timeout', 'For the whole call: 500ms, 5s, 2m.', { type: 'string' }),
  key: header('Mesh-Key', 'Calls of one key go to one provider.', { type: 'string' }),
  idempotent: header('Mesh-Idempotent', 'Running it twice does no harm.', { type: 'boolean' }),
} as const

const problemContent = {
  'application/problem+json': {
    schema: {
      type: 'object',
      required: ['type', 'title', 'status', 'detail', 'code', 'retryable', 'id'],
      properties: {
        type: { type: 'string' },
        title: { type: 'string' },
        status: { type: 'integer' },
        detail: { type: 'string' },
        code: { type: 'string' },
        hint: { type: 'string' },
        retryable: { type: 'boolean' },
        id: { type: 'string' },
      },
    },
  },
}
