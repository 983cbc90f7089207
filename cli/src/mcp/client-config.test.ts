import { expect, it } from 'vitest'

import { clientConfig } from './client-config.ts'

it.each([
  ['claude', { mcpServers: { 'agent-mesh': { command: 'node', args: ['mcp'] } } }],
  ['cursor', { mcpServers: { 'agent-mesh': { command: 'node', args: ['mcp'] } } }],
  ['vscode', { servers: { 'agent-mesh': { type: 'stdio', command: 'node', args: ['mcp'] } } }],
] as const)('clientConfig() of %s is what its file needs', (assistant, config) => {
  expect(clientConfig(assistant, 'node', ['mcp'])).toEqual(config)
})
