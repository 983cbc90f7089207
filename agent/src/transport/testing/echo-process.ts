/**
 * A member as a process of its own: reads {jwk, hello, peers} as one JSON line from stdin, prints its addresses, echoes
 * RPC bytes, and stops in order on SIGTERM. It admits the peers of that line, so it needs no mesh keys.
 */
import { createInterface } from 'node:readline'
import { MeshError, type Hello, type Peer } from '@agent-mesh/protocol'
import { identityOf, type PrivateJwk } from '../../identity/index.ts'
import { createTransport } from '../transport.ts'

export interface EchoInput {
  jwk: PrivateJwk
  hello: Hello
  /** The members that are admitted, by peer id. */
  peers: Record<string, Peer>
  listen: string[]
}

const lines = createInterface({ input: process.stdin })
const [line] = (await new Promise<string[]>(resolve => lines.once('line', text => resolve([text])))) as [
  string,
]
lines.close()
process.stdin.destroy()
const input = JSON.parse(line) as EchoInput
const transport = await createTransport({
  identity: await identityOf(input.jwk),
  listen: input.listen,
  hello: () => input.hello,
  admit: (_, peerId) => {
    const peer = input.peers[peerId]
    return peer === undefined
      ? Promise.reject(new MeshError('unauthenticated', `Cannot admit ${peerId}`))
      : Promise.resolve(peer)
  },
})
transport.links.onUp(link => link.stream.onData(chunk => link.stream.send(chunk)))
process.once('SIGTERM', () => void transport.stop())
await transport.start()
process.stdout.write(`${JSON.stringify(transport.addresses())}\n`)
