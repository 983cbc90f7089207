/** The MCP servers that an agent serves; the SDK is loaded when there are some. */
import type { Agent } from '@agent-mesh/agent'
import type { Logger } from '@agent-mesh/agent/observe/logger'

import type { NamedCommand } from '../tool-servers/named-commands.ts'

/** @returns ends their processes */
export async function startToolServers(
  agent: Pick<Agent, 'serve' | 'recordApproval'>,
  commands: readonly NamedCommand[],
  { data, log }: { data: string; log: Logger },
): Promise<() => Promise<void>> {
  if (commands.length === 0) return () => Promise.resolve()
  const { ToolServer } = await import('../tool-servers/tool-server.ts')
  const servers = commands.map(
    each =>
      new ToolServer({
        ...{ ...each, data, log },
        serve: definition => agent.serve(definition),
        onApproved: approved => agent.recordApproval({ server: each.name, ...approved }),
      }),
  )
  for (const server of servers) server.start()
  return async () => void (await Promise.all(servers.map(server => server.stop())))
}
