/**
 * `/noise` of libp2p, loaded when a peer first asks for it: members prefer TLS, and its WebAssembly and curves would
 * take memory in every agent.
 */
import type { ConnectionEncrypter } from '@libp2p/interface'
import type { noise } from '@libp2p/noise'

type Components = Parameters<ReturnType<typeof noise>>[0]

export const noiseOnDemand =
  () =>
  (components: Components): ConnectionEncrypter => {
    let loading: Promise<ConnectionEncrypter> | undefined
    const load = () => (loading ??= import('@libp2p/noise').then(({ noise }) => noise()(components)))
    return {
      protocol: '/noise',
      secureInbound: async (connection, options) => (await load()).secureInbound(connection, options),
      secureOutbound: async (connection, options) => (await load()).secureOutbound(connection, options),
    }
  }
