/** Topics in the OpenAPI of a caller: one path, whose topics are those of the scope. */
import type { GatewayCaller } from './caller.ts'
import type { ScopeAction } from './scope.ts'

/** Nothing for a caller that may neither publish nor subscribe. */
export function topicPaths({ targets }: Pick<GatewayCaller, 'targets'>): object {
  const operation = (action: ScopeAction, described: object) =>
    targets(action).length === 0
      ? undefined
      : { operationId: action, tags: ['topics'], 'x-agent-mesh-targets': targets(action), ...described }
  const post = operation('publish', publish)
  const get = operation('subscribe', subscribe)
  if (post === undefined && get === undefined) return {}
  const item = { parameters: [topic], ...(post && { post }), ...(get && { get }) }
  return { '/v1/topics/{topic}': item }
}

const topic = { name: 'topic', in: 'path', required: true, schema: { type: 'string' } } as const

const query = (name: string, description: string, schema: object) => ({
  ...{ name, description, schema },
  in: 'query',
  required: false,
})

const otherwise = { default: { $ref: '#/components/responses/problem' } } as const

const publish = {
  summary: 'Publishes the body.',
  parameters: [
    query('retain', 'Keeps it for members that subscribe later.', { type: 'boolean' }),
    query('acks', 'Waits until so many subscriptions took it.', { type: 'integer', minimum: 0 }),
    query('timeout', 'For the acknowledgements: 500ms, 5s, 2m.', { type: 'string' }),
  ],
  requestBody: { required: true, content: { 'application/json': { schema: {} } } },
  responses: {
    200: {
      description: 'It is published.',
      content: {
        'application/json': { schema: { type: 'object', properties: { acks: { type: 'integer' } } } },
      },
    },
    ...otherwise,
  },
}

const subscribe = {
  summary: 'Subscribes; alerts.* is for all topics that begin so.',
  parameters: [
    query('group', 'Each message goes to one subscription of the group.', { type: 'string' }),
    query('retained', 'Whether the last value of the topics comes first.', { type: 'boolean' }),
  ],
  responses: {
    200: {
      description: 'A line or an event for each message.',
      content: {
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/event-stream': { schema: { type: 'string' } },
      },
    },
    ...otherwise,
  },
}
