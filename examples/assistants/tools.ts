/** The tools of one machine, as an MCP server on standard input and output: node examples/assistants/tools.ts kitchen */
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'

const said = (text: string) => ({ content: [{ type: 'text' as const, text }] })

const machines: Record<string, (server: McpServer) => void> = {
  kitchen: server =>
    server.registerTool(
      'stock',
      { description: 'Grams of an ingredient that are left.', inputSchema: z.object({ of: z.string() }) },
      ({ of }) => said(of === 'flour' ? '800' : '0'),
    ),
  garden: server =>
    server.registerTool('ripe', { description: 'What can be picked today.' }, () => said('tomatoes, basil')),
  calendar: server =>
    server.registerTool(
      'guests',
      { description: 'Who comes to dinner on a day.', inputSchema: z.object({ on: z.string() }) },
      ({ on }) => said(on === 'friday' ? 'Ada, Grace' : 'nobody'),
    ),
}

const [, , name = ''] = process.argv
serveStdio(() => {
  const server = new McpServer({ name, version: '1.0.0' })
  machines[name]?.(server)
  return server
})
