/** Replies that are read as they come: lines of JSON, or server-sent events for a client that accepts them. */
import { Readable } from 'node:stream'

import type { HandledReply, HandledRequest } from '../local/handler-server.ts'
import { linesType } from './admission.ts'

/** Event of the reply, and what it carries. */
export type Line = readonly [event: 'message' | 'end' | 'error', data: object]

/** The head is sent at once. */
export function lineReply({ headers }: HandledRequest, lines: AsyncIterable<Line>): HandledReply {
  const asEvents = (headers.accept ?? '').includes('text/event-stream')
  const text = asEvents ? eventText : jsonText
  return {
    type: asEvents ? 'text/event-stream' : linesType,
    headers: { 'cache-control': 'no-store' },
    body: Readable.from(written(lines, text), { objectMode: false }),
  }
}

async function* written(lines: AsyncIterable<Line>, text: (line: Line) => string) {
  for await (const line of lines) yield text(line)
}

const jsonText = ([event, data]: Line): string =>
  `${JSON.stringify(event === 'message' ? data : { [event]: data })}\n`

const eventText = ([event, data]: Line): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
