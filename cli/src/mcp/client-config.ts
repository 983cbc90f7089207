/** What the configuration files of assistants need to start `agent-mesh mcp`. */
export const assistants = ['claude', 'cursor', 'vscode'] as const
export type Assistant = (typeof assistants)[number]

/** Where the text belongs, for people. */
export const configPlaces: Readonly<Record<Assistant, string>> = {
  claude: 'claude_desktop_config.json, or .mcp.json of a project',
  cursor: '.cursor/mcp.json',
  vscode: '.vscode/mcp.json',
}

/** @param args of the command that starts the server */
export function clientConfig(assistant: Assistant, command: string, args: readonly string[]): object {
  const server = { command, args }
  return assistant === 'vscode'
    ? { servers: { 'agent-mesh': { type: 'stdio', ...server } } }
    : { mcpServers: { 'agent-mesh': server } }
}
