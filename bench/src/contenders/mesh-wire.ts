/** Agent Mesh: the RPC engine over one link of the agent's own transport, encrypted, frames only (no service layer). */
import {
  createTransport,
  generateIdentity,
  rpcLink,
  TimerWheel,
  type OnRequest,
  type Transport,
} from '@agent-mesh/agent'
import type { Peer } from '@agent-mesh/protocol'
import { payloadBytes, type Contender } from './contender.ts'

interface Address {
  readonly peerId: string
  readonly addrs: readonly string[]
}

/** Both ends trust each other: hello is part of setting up a link, not of a call. */
export async function startTransport(listen: readonly string[]): Promise<Transport> {
  const credential = { name: 'bench', roles: [], tags: [] } as unknown as Peer['credential']
  const signed = { credential: 'e.e.e', record: undefined }
  const transport = await createTransport({
    identity: await generateIdentity(),
    listen,
    hello: () => ({ versions: [1], credential: signed.credential }),
    admit: async (_hello, peerId) => ({
      peerId,
      version: 1,
      credential,
      record: undefined,
      boot: undefined,
      signed,
    }),
  })
  await transport.start()
  return transport
}

const echo: OnRequest = call => call.params()

export const contender: Contender = {
  async serve() {
    const transport = await startTransport(['/ip4/127.0.0.1/tcp/0'])
    const wheel = new TimerWheel()
    transport.links.onUp(({ stream }) => void rpcLink({ stream, wheel, onRequest: echo }))
    const address: Address = { peerId: transport.peerId, addrs: transport.addresses() }
    return { address, stop: () => transport.stop() }
  },

  async connect(address) {
    const transport = await startTransport([])
    const { peerId, addrs } = address as Address
    const { stream } = await transport.connect({ peerId, addrs: [...addrs], relays: [] })
    const link = rpcLink({ stream, wheel: new TimerWheel(), onRequest: echo })
    const payload = Buffer.alloc(payloadBytes, 'x')
    return {
      echo: () => link.call('bench.echo', payload, { timeoutMs: 5_000 }),
      stop: () => transport.stop(),
    }
  },
}
