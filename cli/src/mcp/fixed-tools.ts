/** Tools of the mesh itself: to find members and, where there are too many methods for one list, to find and to call those. */
import type { Tool } from '@modelcontextprotocol/server'
import { parse } from '@agent-mesh/protocol/parse'
import * as z from 'zod/mini'

import { mcpDefaults } from './mcp-defaults.ts'

import type { Tools } from './tool-catalogue.ts'
import { toldText } from './told-text.ts'
import type { ToolMesh } from './tool-mesh.ts'

const text = (description: string) => ({ type: 'string', description })

export const membersTool: Tool = {
  name: 'mesh_members',
  title: 'Members of the mesh',
  description:
    'Lists members of the mesh with what they serve. Their names are the values of the argument `member` of the other tools.',
  inputSchema: {
    type: 'object',
    properties: {
      name: text('Part of the names.'),
      service: text('Only members that serve this: math.'),
    },
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true, idempotentHint: true },
}

export const findTool: Tool = {
  name: 'mesh_find_tools',
  title: 'Find tools of the mesh',
  description:
    'Finds methods that members of the mesh serve, by words of what they do. Call them with mesh_call_tool.',
  inputSchema: {
    type: 'object',
    properties: {
      query: text('Words: disk usage.'),
      limit: { type: 'integer', minimum: 1, maximum: mcpDefaults.mostFoundTools },
    },
    required: ['query'],
    additionalProperties: false,
  },
  annotations: { readOnlyHint: true, idempotentHint: true },
}

export const callTool: Tool = {
  name: 'mesh_call_tool',
  title: 'Call a tool of the mesh',
  description: 'Calls a method that mesh_find_tools has found, with arguments as its inputSchema says.',
  inputSchema: {
    type: 'object',
    properties: {
      tool: text('Its name: math__add.'),
      arguments: { type: 'object', description: 'As its inputSchema says.' },
    },
    required: ['tool'],
    additionalProperties: false,
  },
}

const membersArguments = z.strictObject({
  name: z.optional(z.string().check(z.maxLength(64))),
  service: z.optional(z.string().check(z.maxLength(128))),
})
const findArguments = z.strictObject({
  query: z.string().check(z.maxLength(256)),
  limit: z.optional(z.int().check(z.minimum(1), z.maximum(mcpDefaults.mostFoundTools))),
})
const callArguments = z.strictObject({
  tool: z.string().check(z.minLength(1), z.maxLength(64)),
  arguments: z.optional(z.record(z.string(), z.unknown())),
})

/** @throws MeshError invalid_argument */
export async function membersAnswer(mesh: Pick<ToolMesh, 'members'>, args: unknown): Promise<object> {
  const { name = '', service } = parse(membersArguments, args, 'call mesh_members')
  const serves = (refs: readonly string[]) =>
    service === undefined || refs.some(ref => ref === service || ref.startsWith(`${service}@`))
  const found = (await mesh.members())
    .filter(each => each.name.includes(name) && serves(each.services))
    .sort((a, b) => Number(b.online) - Number(a.online) || (a.name < b.name ? -1 : 1))
  const members = found.slice(0, mcpDefaults.mostMembers).map(each => ({
    ...{ name: toldText(each.name), peerId: each.peerId, online: each.online, services: each.services },
  }))
  return { members, more: found.length - members.length }
}

/** The best first: those of whose texts most words of the query are part. @throws MeshError invalid_argument */
export function findAnswer(tools: Tools, args: unknown): object {
  const { query, limit = mcpDefaults.foundTools } = parse(findArguments, args, 'call mesh_find_tools')
  const words = query
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(word => word !== '')
  const ranked = [...tools.values()]
    .map(({ tool }) => ({ tool, matches: matchesOf(tool, words) }))
    .filter(({ matches }) => matches > 0)
    .sort((a, b) => b.matches - a.matches)
  const found = ranked.slice(0, limit).map(({ tool }) => tool)
  return { tools: found, more: ranked.length - found.length }
}

function matchesOf(
  { name, title = '', description = '', inputSchema }: Tool,
  words: readonly string[],
): number {
  const said = [name, title, description, ...Object.keys(inputSchema.properties ?? {})]
    .join(' ')
    .toLowerCase()
  return words.filter(word => said.includes(word)).length
}

/** What `mesh_call_tool` is to call. @throws MeshError invalid_argument */
export function calledTool(args: unknown): { name: string; args: Record<string, unknown> } {
  const { tool: name, arguments: given = {} } = parse(callArguments, args, 'call mesh_call_tool')
  return { name, args: given }
}
