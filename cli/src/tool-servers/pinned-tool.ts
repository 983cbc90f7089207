/** What assistants read of a tool, and what of that changed. */
import type { Tool } from '@modelcontextprotocol/client'
import * as z from 'zod/mini'

import { toolServerDefaults } from './defaults.ts'

const json = z.record(z.string(), z.unknown())

/** What its owner lets in: all of a tool that callers see. */
export const pinnedTool = z.strictObject({
  description: z.optional(z.string()),
  inputSchema: json,
  annotations: z.optional(json),
})
export type PinnedTool = z.output<typeof pinnedTool>

/** Tools by name. */
export type PinnedTools = ReadonlyMap<string, PinnedTool>

export const pinnedOf = (tools: readonly Tool[]): PinnedTools =>
  new Map(
    tools.map(({ name, description, inputSchema, annotations }) => [
      name,
      {
        ...(description !== undefined && { description }),
        inputSchema,
        ...(annotations !== undefined && { annotations }),
      },
    ]),
  )

/** One place of a tool, before and now, as JSON; undefined where there was or is nothing. */
export interface Difference {
  /** `inputSchema.properties.path.description` */
  readonly path: string
  readonly before: string | undefined
  readonly now: string | undefined
}

/** In what two tools differ; the order of the keys of objects does not count. None for a tool that is neither. */
export function differences(before: PinnedTool | undefined, now: PinnedTool | undefined): Difference[] {
  const [old, current] = [leavesOf(before), leavesOf(now)]
  return [...new Set([...old.keys(), ...current.keys()])]
    .map(path => ({ path, before: old.get(path), now: current.get(path) }))
    .filter(each => each.before !== each.now)
}

/** Also for two that are not there. */
export const sameTool = (one: PinnedTool | undefined, other: PinnedTool | undefined): boolean =>
  differences(one, other).length === 0

/** The same for two tools only if they are the same. */
export const leavesOf = (tool: PinnedTool | undefined): Map<string, string> =>
  new Map(Object.entries(tool ?? {}).flatMap(([key, value]) => [...leavesBelow(value, key, 1)]))

function* leavesBelow(value: unknown, path: string, depth: number): Generator<[string, string]> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  if (entries.length === 0 || depth === toolServerDefaults.deepestPath)
    return void (yield [path, JSON.stringify(value)])
  for (const [key, each] of entries)
    yield* leavesBelow(each, `${path}${Array.isArray(value) ? `[${key}]` : stepTo(key)}`, depth + 1)
}

/** Two keys never have one step: those with a dot, a bracket or a space are quoted. */
const stepTo = (key: string): string =>
  /^[a-zA-Z_$][\w$-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
