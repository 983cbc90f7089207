/** What the suite starts: the client with which an agent asks an MCP server lists its tools and calls each. The last argument is a URL. */
import { join } from 'node:path'
import { openToolProcess } from '@agent-mesh/cli'

const url = process.argv.at(-1) ?? ''
const bridge = join(import.meta.dirname, 'stdio-bridge.ts')
const { signal } = new AbortController()
const server = await openToolProcess({
  ...{ command: `${process.execPath} ${bridge} ${url}`, mode: 'auto', signal },
  onChanged: () => undefined,
})
try {
  const tools = await server.tools()
  for (const { name, inputSchema } of tools) {
    const params = Object.entries(inputSchema.properties ?? {}).map(([key, property]) => {
      const wantsObject = (property as { type?: unknown }).type === 'object'
      // A tool that takes an object wants the schema that this client has of the other one.
      return [key, wantsObject ? tools.find(other => other.name !== name)?.inputSchema : 2] as const
    })
    await server
      .call(name, Object.fromEntries(params), signal)
      .catch((error: unknown) => console.error(error))
  }
} finally {
  await server.close()
}
