import type { ServerContext } from '@modelcontextprotocol/server'

import { toldText } from './told-text.ts'

/** Tells a client that asked for it. @param text of the message that came */
export async function reportProgress(
  { mcpReq }: ServerContext,
  progress: number,
  text: string,
): Promise<void> {
  const progressToken = mcpReq._meta?.progressToken
  if (progressToken === undefined) return
  const message = toldText(text)
  await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, message } })
}
