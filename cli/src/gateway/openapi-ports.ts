/** Ports of members in browsers, in the OpenAPI of a caller. */
import {
  localCloseReply,
  localCloseRequest,
  localOpenReply,
  localOpenRequest,
} from '@agent-mesh/protocol/local-ports'
import { toJSONSchema, type $ZodType } from 'zod/v4/core'

import type { GatewayCaller } from './caller.ts'

/** Nothing for a caller that may open no port. */
export function portPaths({ targets }: Pick<GatewayCaller, 'targets'>): object {
  const opens = targets('connect')
  if (opens.length === 0) return {}
  return {
    '/v1/open': { post: { ...opening(), 'x-agent-mesh-targets': opens } },
    '/v1/open/close': { post: closing() },
  }
}

const contentOf = (schema: $ZodType) => ({
  'application/json': { schema: toJSONSchema(schema, { io: 'input' }) },
})

const operationOf = (
  request: $ZodType,
  { reply, description }: { reply: $ZodType; description: string },
) => ({
  tags: ['ports'],
  requestBody: { required: true, content: contentOf(request) },
  responses: {
    200: { description, content: contentOf(reply) },
    default: { $ref: '#/components/responses/problem' },
  },
})

const opening = () => ({
  operationId: 'open',
  summary: 'Makes an address that opens a port of a member in one browser of this machine, once.',
  ...operationOf(localOpenRequest, { reply: localOpenReply, description: 'The address.' }),
})

const closing = () => ({
  operationId: 'close',
  summary:
    'Signs out the browsers that opened a port by an address of this token; all ports, if none is named.',
  ...operationOf(localCloseRequest, { reply: localCloseReply, description: 'How many were signed out.' }),
})
