/** `GET /api/live`: the members as server-sent events, until the tab is hidden or the session ends. */
import { Readable } from 'node:stream'

import type { HandledReply } from '../local/handler-server.ts'
import type { LiveMembers } from './live-members.ts'

export const liveReply = (live: LiveMembers, signal: AbortSignal): HandledReply => ({
  type: 'text/event-stream',
  body: Readable.from(events(live, signal), { objectMode: false }),
})

async function* events(live: LiveMembers, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  for await (const change of live.follow(signal)) yield `data: ${JSON.stringify(change)}\n\n`
}
