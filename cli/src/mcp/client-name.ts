/** What a client says that it is called, as calls of it are on record at the member that they reach. */
import { CLIENT_INFO_META_KEY, type McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { toolApp } from '@agent-mesh/protocol/tool-app'
import * as z from 'zod/mini'

/** Of the protocol from 2026-07-28 on, which has it in each request. */
const envelope = z.looseObject({ [CLIENT_INFO_META_KEY]: z.looseObject({ name: z.string() }) })

/** @param server of the connection, where older clients have said it once */
export function clientApp({ server }: McpServer, { mcpReq }: ServerContext): string {
  const said = z.safeParse(envelope, mcpReq.envelope)
  return toolApp(said.success ? said.data[CLIENT_INFO_META_KEY].name : server.getClientVersion()?.name)
}
