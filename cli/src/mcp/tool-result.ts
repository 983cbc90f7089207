/** Answers of members as results of tools. */
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { redactText } from '@agent-mesh/protocol/redact'
import type { CallToolResult } from '@modelcontextprotocol/server'

import { mcpDefaults } from './mcp-defaults.ts'

/** The same as text, for clients that do not read structured results. @throws MeshError too_large */
export function toolResult(content: object): CallToolResult {
  const text = JSON.stringify(content)
  if (text.length > mcpDefaults.resultChars)
    throw new MeshError(
      'too_large',
      `Cannot give the result: it has ${text.length} characters of at most ${mcpDefaults.resultChars}`,
      { hint: 'Ask for less, or call the method with "agent-mesh call".' },
    )
  return { content: [{ type: 'text', text }], structuredContent: content as Record<string, unknown> }
}

/** What the assistant can act on: the code, what happened, what to do, and whether the same call may be sent again. */
export function toolFailure(thrown: unknown, tool: string): CallToolResult {
  const { code, message, hint, declared, retriable } = toMeshError(thrown, 'internal', `call ${tool}`)
  const error = {
    code,
    message: redactText(message),
    ...(hint !== undefined && { hint: redactText(hint) }),
    ...(declared !== undefined && { declared }),
    retryable: retriable,
  }
  return {
    isError: true,
    content: [{ type: 'text', text: JSON.stringify({ error }) }],
    structuredContent: { error },
  }
}
