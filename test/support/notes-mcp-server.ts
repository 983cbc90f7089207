/** For specs: an MCP server with a tool that reads, one that fails, one that ends the process; the text of one is in a file. It may be for one member. */
import { readFileSync } from 'node:fs'

import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import * as z from 'zod'

const [, , about = '', member = 'all'] = process.argv

serveStdio(() => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool(
    'read_note',
    {
      description: readFileSync(about, 'utf8'),
      inputSchema: z.object({ name: z.string() }),
      annotations: { readOnlyHint: true },
    },
    ({ name }) => ({ content: [{ type: 'text', text: `${name} of ${process.pid} for ${member}` }] }),
  )
  server.registerTool('fail', { description: 'Fails.' }, () => ({
    isError: true,
    content: [{ type: 'text', text: 'no such note' }],
  }))
  server.registerTool('crash', { description: 'Ends the process.' }, () => process.exit(1))
  return server
})
