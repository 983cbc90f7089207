/** Text of other members on its way to an assistant: one line, without what hides or reorders characters, and not too long. */
import { printable } from '@agent-mesh/protocol/printable'

import { mcpDefaults } from './mcp-defaults.ts'

export const toldText = (text: string, mostChars: number = mcpDefaults.aboutChars): string => {
  const line = printable(text.replaceAll(/\s+/gu, ' ').trim())
  return line.length <= mostChars ? line : `${line.slice(0, mostChars - 1)}…`
}

const prose = new Set(['description', 'title', '$comment'])

/** A JSON Schema whose prose is {@link toldText}. */
export function toldSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toldSchema)
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]: [string, unknown]) => [
      key,
      typeof value === 'string' && prose.has(key) ? toldText(value) : toldSchema(value),
    ]),
  )
}
