import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

import { problemOf } from '@agent-mesh/protocol/api/problem'
import type { MeshError } from '@agent-mesh/protocol/errors'

import { endWith } from '../proxy/last-words.ts'

/** Answers an upgrade with problem details, and ends its connection. */
export function refuseUpgrade(socket: Duplex, error: MeshError): void {
  const { status } = error
  const text = JSON.stringify({ ...problemOf(error), retryable: error.retriable })
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
    'Connection: close',
  ]
  endWith(socket, `${lines.join('\r\n')}\r\n\r\n${text}`)
}
