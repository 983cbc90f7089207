import * as z from 'zod/mini'

import {
  apiRoutes,
  errorCodes,
  membershipSchema,
  pathParameters,
  problemSchema,
  signedHeadSchema,
  type ApiRoute,
} from '../src/index.ts'

type Json = Record<string, unknown>

/** Schemas that several replies have, by the name they get: the document is part of each bundle that serves it. */
const named = z.registry<{ id: string }>()
named.add(membershipSchema, { id: 'Membership' })
named.add(signedHeadSchema, { id: 'SignedHead' })

const security: Record<ApiRoute['auth'], readonly Json[]> = {
  open: [],
  optional: [{}, { mesh: [] }],
  key: [{ mesh: [] }],
  member: [{ mesh: [] }],
  relay: [{ mesh: [] }],
  admin: [{ mesh: [] }],
}

/** The control plane API as an OpenAPI 3.1 document, made from the schemas that check it. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {}
  for (const route of apiRoutes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Agent Mesh control plane',
      version: '1',
      description: 'Bootstrap, enrolment, map, presence and policy. Errors are problem details (RFC 9457).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: namedSchemas(),
      securitySchemes: {
        mesh: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: '`Mesh <JWS>`, typ request+jws, signed by the key of the member',
        },
      },
      responses: {
        Problem: {
          description: `A code of the closed set: ${Object.keys(errorCodes).join(', ')}`,
          content: { 'application/problem+json': { schema: schemaOf(problemSchema, 'output') } },
        },
      },
    },
  }
}

function operation({
  method,
  path,
  summary,
  auth,
  manage,
  query = {},
  nonce,
  request,
  reply,
}: ApiRoute): Json {
  return {
    operationId: `${method.toLowerCase()}${path.replace(/^\/v1/, '').replace(/[/{}]+(\w?)/g, (_, next: string) => next.toUpperCase())}`,
    summary,
    'x-agent-mesh-auth': auth,
    ...(manage && { 'x-agent-mesh-manage': manage }),
    ...(nonce && { 'x-agent-mesh-nonce': nonce }),
    security: security[auth],
    parameters: [
      ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) =>
        parameter('path', name ?? '', pathParameters[name ?? '']),
      ),
      ...Object.entries(query).map(([name, schema]) => parameter('query', name, schema)),
    ],
    ...(request && { requestBody: { required: true, content: json(request, 'input') } }),
    responses: {
      ...(reply
        ? { 200: { description: 'Done', content: json(reply, 'output') } }
        : { 204: { description: 'Done' } }),
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

const parameter = (where: 'path' | 'query', name: string, schema: z.ZodMiniType = z.string()): Json => ({
  name,
  in: where,
  required: where === 'path',
  schema: schemaOf(schema, 'output'),
})

const json = (schema: z.ZodMiniType, io: 'input' | 'output'): Json => ({
  'application/json': { schema: schemaOf(schema, io) },
})

function schemaOf(schema: z.ZodMiniType, io: 'input' | 'output'): Json {
  const { $schema: _, $defs: _defs, ...rest } = toJsonSchema(schema, io)
  return rest
}

/** Targets of references. */
const namedSchemas = (): Json =>
  Object.assign(
    {},
    ...[membershipSchema, signedHeadSchema].map(schema => toJsonSchema(schema, 'output').$defs),
  )

/** References into `components`, where OpenAPI keeps what is named. */
function toJsonSchema(schema: z.ZodMiniType, io: 'input' | 'output') {
  const made = z.toJSONSchema(schema, { io, unrepresentable: 'any', metadata: named })
  return JSON.parse(JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/')) as typeof made
}
