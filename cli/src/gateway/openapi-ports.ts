/** Ports of members in browsers, in the OpenAPI of a caller. */
import { localOpenReply, localOpenRequest } from '@agent-mesh/protocol/local-ports'
import { toJSONSchema, type $ZodType } from 'zod/v4/core'

import type { GatewayCaller } from './caller.ts'

/** Nothing for a caller that may open no port. */
export function portPaths({ targets }: Pick<GatewayCaller, 'targets'>): object {
  const opens = targets('connect')
  return opens.length === 0 ? {} : { '/v1/open': { post: { ...opening(), 'x-agent-mesh-targets': opens } } }
}

const contentOf = (schema: $ZodType) => ({
  'application/json': { schema: toJSONSchema(schema, { io: 'input' }) },
})

const opening = () => ({
  operationId: 'open',
  tags: ['ports'],
  summary: 'Makes an address that opens a port of a member in one browser of this machine, once.',
  requestBody: { required: true, content: contentOf(localOpenRequest) },
  responses: {
    200: { description: 'The address.', content: contentOf(localOpenReply) },
    default: { $ref: '#/components/responses/problem' },
  },
})
