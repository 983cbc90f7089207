/** What tests and benches use of the command: everything else is a process. */
import type { ConnectInit } from './gateway/rpc/connect-answer.ts'
import type { ToolProcess, ToolProcessInit } from './tool-servers/tool-process.ts'

export { collector } from '@agent-mesh/agent/core/collector'
export { gatewayDefaults } from './gateway/defaults.ts'
export { alsoServe } from './gateway/first-bytes.ts'
export { serveHttp2 } from './gateway/http2/serve-http2.ts'
export { serveRpc } from './gateway/rpc/serve-rpc.ts'
export { serveGateway, type GatewayServerInit, type RunningGateway } from './gateway/gateway-server.ts'
export { GatewayTokens, type GatewayToken } from './gateway/gateway-tokens.ts'
export { programFile } from './upgrade/program-file.ts'
export { ServedPrograms } from './programs/served-programs.ts'

/** The client with which an agent asks an MCP server; its SDK is loaded with the first. */
export const openToolProcess = async (init: ToolProcessInit): Promise<ToolProcess> =>
  (await import('./tool-servers/tool-process.ts')).ToolProcess.open(init)

/** How the gateway answers RPCs, with other routes; its library is loaded with the first. */
export const connectAnswer = async (init: ConnectInit) =>
  (await import('./gateway/rpc/connect-answer.ts')).connectAnswer(init)

/** The service of the gateway and its messages, for clients of it. */
export const meshRpcs = () => import('./gateway/rpc/gen/agentmesh/v1/mesh_pb.ts')
