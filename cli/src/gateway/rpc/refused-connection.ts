import type { IncomingMessage } from 'node:http'

import { dropRest } from '../../local/after-reply.ts'
import type { Asked } from './connect-answer.ts'

/** The connection of a request of HTTP/1.1 ends with its reply. One of HTTP/2 carries other requests as well. */
export async function endConnection({ response, request, awaited }: Asked): Promise<void> {
  if ('stream' in response) return
  response.shouldKeepAlive = false
  // Of a body that is held back, or late, nothing more comes.
  if (awaited === undefined && !(request as IncomingMessage).complete)
    await dropRest(request as IncomingMessage)
}
