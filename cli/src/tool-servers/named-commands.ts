/** Which MCP servers an agent runs, as `up --mcp`, `--mcp-allow`, `--mcp-for` and `--mcp-per-caller` say. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { covers } from '@agent-mesh/protocol/policy'

export interface NamedCommand {
  readonly name: string
  /** A simple command of the shell. */
  readonly command: string
  /** Whether its owner lets a tool be served at all. */
  readonly isAllowed: (tool: string) => boolean
  /** Selectors of the members for whom its owner serves it; the policy must allow them, too. @default all */
  readonly allow?: readonly string[]
  /** Whether each calling member has a process of its own. */
  readonly perCaller: boolean
}

export interface ToolServerFlags {
  /** `fs=npx server-fs /srv` */
  readonly mcp?: readonly string[]
  /** `fs.read_*` */
  readonly mcpAllow?: readonly string[]
  /** `fs=tag:ops` */
  readonly mcpFor?: readonly string[]
  /** Names. */
  readonly mcpPerCaller?: readonly string[]
}

const named = /^([a-z][a-z0-9-]{0,30})=(\S.*)$/s
/** The shell would run it as a program of that name, and an argument is no place for a key. */
const assignment = /^\w+=/
const opened = /^([a-z][a-z0-9-]{0,30})=(\S+)$/
const allowed = /^([a-z][a-z0-9-]{0,30})\.(\*|[a-zA-Z][a-zA-Z0-9_-]{0,62}\*?)$/

/** @throws MeshError invalid_argument */
export function namedCommands({
  mcp = [],
  mcpAllow = [],
  mcpFor = [],
  mcpPerCaller = [],
}: ToolServerFlags): NamedCommand[] {
  const commands = commandsIn(mcp)
  const tools = byServer(mcpAllow.map(text => allowedTool(text, commands)))
  const members = byServer(mcpFor.map(text => openedFor(text, commands)))
  for (const name of mcpPerCaller) checkServer(name, '--mcp-per-caller', commands)
  return [...commands].map(([name, command]) => {
    const patterns = tools.get(name)?.map(({ pattern }) => pattern) ?? ['*']
    const isAllowed = (tool: string) => patterns.some(pattern => covers(pattern, tool))
    const allow = members.get(name)?.map(({ selector }) => selector)
    return {
      ...{ name, command, isAllowed, perCaller: mcpPerCaller.includes(name) },
      ...(allow !== undefined && { allow }),
    }
  })
}

const byServer = <T extends { server: string }>(all: readonly T[]) => Map.groupBy(all, ({ server }) => server)

function commandsIn(texts: readonly string[]): ReadonlyMap<string, string> {
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
  return commands
}

function allowedTool(text: string, commands: ReadonlyMap<string, string>) {
  const [, server, pattern] = allowed.exec(text) ?? []
  if (server === undefined || pattern === undefined)
    throw new MeshError('invalid_argument', `Cannot allow the tool '${text}': it is not SERVER.TOOL`, {
      hint: "Write it so: --mcp-allow fs.read_file, or --mcp-allow 'fs.read_*'.",
    })
  checkServer(server, `--mcp-allow ${text}`, commands)
  return { server, pattern }
}

function openedFor(text: string, commands: ReadonlyMap<string, string>) {
  const [, server, selector] = opened.exec(text) ?? []
  const refused = (fault: string) =>
    new MeshError('invalid_argument', `Cannot serve an MCP server for '${text}': ${fault}`, {
      hint: 'Write it so: --mcp-for fs=tag:ops.',
    })
  if (server === undefined || selector === undefined) throw refused('it is not SERVER=SELECTOR')
  const { pattern, not } = fieldForms.selector
  if (!pattern.test(selector)) throw refused(`'${selector}' ${not}`)
  checkServer(server, `--mcp-for ${text}`, commands)
  return { server, selector }
}

function checkServer(name: string, option: string, commands: ReadonlyMap<string, string>): void {
  if (commands.has(name)) return
  throw new MeshError('invalid_argument', `Cannot apply ${option}: no --mcp is named ${name}`, {
    hint: 'Name the server with --mcp NAME=COMMAND.',
  })
}
