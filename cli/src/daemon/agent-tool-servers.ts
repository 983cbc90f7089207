/** The MCP servers that an agent serves; the SDK is loaded when there are some. */
import type { Agent } from '@agent-mesh/agent'
import type { Logger } from '@agent-mesh/agent/observe/logger'
import { MeshError } from '@agent-mesh/protocol/errors'

export interface NamedCommand {
  readonly name: string
  /** A simple command of the shell. */
  readonly command: string
}

const named = /^([a-z][a-z0-9-]{0,30})=(\S.*)$/s
/** The shell would run it as a program of that name, and an argument is no place for a key. */
const assignment = /^\w+=/

/** Of `fs=npx server-fs /srv`. @throws MeshError invalid_argument */
export function namedCommands(texts: readonly string[]): NamedCommand[] {
  const commands = new Map<string, string>()
  for (const text of texts) {
    const [, name, command] = named.exec(text) ?? []
    const reason =
      name === undefined || command === undefined
        ? 'it is not NAME=COMMAND, with a name of 1 to 31 of a-z, 0-9 and -'
        : commands.has(name)
          ? 'another one has this name'
          : assignment.test(command) && 'its command begins with a variable'
    if (reason !== false)
      throw new MeshError('invalid_argument', `Cannot serve the MCP server ${name ?? ''}: ${reason}`, {
        hint: 'A program of your own can read a key from a file and start the server: NAME=/path/to/program.',
      })
    commands.set(name!, command!)
  }
  return [...commands].map(([name, command]) => ({ name, command }))
}

/** @returns ends their processes */
export async function startToolServers(
  agent: Pick<Agent, 'serve'>,
  commands: readonly NamedCommand[],
  { data, log }: { data: string; log: Logger },
): Promise<() => Promise<void>> {
  if (commands.length === 0) return () => Promise.resolve()
  const { ToolServer } = await import('../tool-servers/tool-server.ts')
  const servers = commands.map(
    each => new ToolServer({ ...each, data, log, serve: definition => agent.serve(definition) }),
  )
  for (const server of servers) server.start()
  return async () => void (await Promise.all(servers.map(server => server.stop())))
}
