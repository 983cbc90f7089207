/** The tools of an MCP server as a service `mcp.NAME`, whose methods the policy knows as `tool:NAME.TOOL`. */
import type { CallContext, MethodContract, ServiceDefinition } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { CallToolResult, Tool } from '@modelcontextprotocol/client'

import { methodTarget, toolServices } from '../gateway/method-target.ts'
import { toolServerDefaults } from './defaults.ts'

export type CallTool = (
  name: string,
  args: Record<string, unknown>,
  context: Pick<CallContext, 'signal' | 'caller'>,
) => Promise<CallToolResult>

interface ToolServiceInit {
  readonly server: string
  /** {@link servable} ones. */
  readonly tools: readonly Tool[]
  /** Tools that its owner has not approved as they are now. */
  readonly unapproved: ReadonlySet<string>
  /** Selectors of the members for whom its owner serves it. @default all */
  readonly allow?: readonly string[] | undefined
  readonly call: CallTool
}

/** What a method may be called. */
const methodName = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/

/** Those that can be methods; the others are left out. */
export function servable(tools: readonly Tool[]): Tool[] {
  const { mostTools, toolChars } = toolServerDefaults
  const isFit = (tool: Tool) => methodName.test(tool.name) && JSON.stringify(tool).length <= toolChars
  return tools.filter(isFit).slice(0, mostTools)
}

export function toolService({ server, tools, unapproved, allow, call }: ToolServiceInit): ServiceDefinition {
  const methods = tools.map(
    tool => [tool.name, unapproved.has(tool.name) ? refusedMethod : methodOf(tool)] as const,
  )
  const handlers = tools.map(({ name }) => [
    name,
    unapproved.has(name)
      ? () => refuse(server, name)
      : async (params: unknown, context: CallContext) =>
          resultOf(name, await call(name, params as Record<string, unknown>, context)),
  ])
  return {
    contract: { name: `${toolServices}${server}`, version: 1, methods: Object.fromEntries(methods) },
    handlers: Object.fromEntries(handlers) as ServiceDefinition['handlers'],
    // The server itself knows how much it does at once.
    options: {
      concurrency: 'unlimited',
      target: method => methodTarget(`${toolServices}${server}`, method),
      ...(allow !== undefined && { allow }),
    },
  }
}

const objectOf = (json: object): MethodContract['params'] => ({
  '~standard': {
    version: 1,
    vendor: 'agent-mesh',
    // Its own schema is checked by the server. A tool may be called without arguments.
    validate: (value: unknown = {}) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? { value }
        : { issues: [{ message: 'the arguments of a tool are an object' }] },
    jsonSchema: { input: () => json, output: () => json },
  } as MethodContract['params']['~standard'],
})

const anyObject = objectOf({ type: 'object' })

const methodOf = ({ description, inputSchema, annotations = {} }: Tool): MethodContract => ({
  params: objectOf(inputSchema),
  result: anyObject,
  ...(description !== undefined && { about: description }),
  ...effectsOf(annotations),
})

/** What the words of a server that are not approved are replaced by. */
const refusedMethod: MethodContract = {
  params: anyObject,
  result: anyObject,
  about: 'Refused: its MCP server has changed it, and the owner of the machine has not approved the change.',
}

function effectsOf({ readOnlyHint, destructiveHint, idempotentHint }: NonNullable<Tool['annotations']>) {
  if (readOnlyHint === true) return { effects: 'read' } as const
  const idempotent = idempotentHint === true && { idempotent: true }
  if (destructiveHint === undefined) return { ...idempotent }
  return { effects: destructiveHint ? 'destroy' : 'write', ...idempotent } as const
}

/** @throws MeshError permission_denied */
export function refuse(server: string, tool: string): never {
  throw new MeshError(
    'permission_denied',
    `Cannot call mcp.${server}.${tool}: its MCP server has changed it`,
    {
      hint: `The owner of the machine reads the change and runs "agent-mesh mcp approve ${server}".`,
    },
  )
}

/** @throws MeshError application with what the tool says of its failure */
function resultOf(name: string, { content, structuredContent, isError }: CallToolResult): object {
  if (isError !== true) return { content, ...(structuredContent !== undefined && { structuredContent }) }
  const said = content.flatMap(each => (each.type === 'text' ? [each.text] : [])).join('\n')
  throw new MeshError('application', `Cannot call ${name}: ${said.slice(0, 1_000) || 'the tool failed'}`)
}
