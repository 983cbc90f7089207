/** What tests and benches use of the command: everything else is a process. */
export { gatewayDefaults } from './gateway/defaults.ts'
export { serveGateway, type GatewayServerInit, type RunningGateway } from './gateway/gateway-server.ts'
export { GatewayTokens, type GatewayToken } from './gateway/gateway-tokens.ts'
export { ServedPrograms } from './programs/served-programs.ts'
