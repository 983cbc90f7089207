/** What tests and benches use of the command: everything else is a process. */
import type { ToolProcess, ToolProcessInit } from './tool-servers/tool-process.ts'

export { gatewayDefaults } from './gateway/defaults.ts'
export { serveGateway, type GatewayServerInit, type RunningGateway } from './gateway/gateway-server.ts'
export { GatewayTokens, type GatewayToken } from './gateway/gateway-tokens.ts'
export { ServedPrograms } from './programs/served-programs.ts'

/** The client with which an agent asks an MCP server; its SDK is loaded with the first. */
export const openToolProcess = async (init: ToolProcessInit): Promise<ToolProcess> =>
  (await import('./tool-servers/tool-process.ts')).ToolProcess.open(init)
