/** A port of another member, through the commands of the project: `up` on both sides, `expose` on the one, `forward` on the other. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { commandFile, readyLine, runCommand, spawnCommand } from '../../../test/support/command.ts'
import { LocalMesh } from '../../../test/support/local-mesh.ts'
import { receive, send } from '../bulk/transfer.ts'
import type { Contender } from './contender.ts'

interface Address {
  readonly token: string
  readonly data: string
}

const children: ChildProcess[] = []
const endChildren = (): void => children.forEach(child => child.kill('SIGKILL'))
// They must not outlive a worker that ends.
process.on('exit', endChildren)

/** Starts an agent. */
async function up(name: string, { token, data }: Address): Promise<void> {
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns']
  const args = ['up', '--name', name, ...listen, '--data', data, '--log-level', 'error']
  const agent = spawnCommand(args, { AGENT_MESH_JOIN: token })
  children.push(agent)
  await readyLine(agent)
}

/** @returns the port that `forward` listens on */
async function forward(to: string, data: string): Promise<number> {
  const command = spawn(process.execPath, [commandFile, 'forward', to, '--json', '--data', data], {
    stdio: ['ignore', 'pipe', 2],
  })
  children.push(command)
  const [line] = (await once(createInterface({ input: command.stdout! }), 'line')) as [string]
  return (JSON.parse(line) as { port: number }).port
}

export const contender: Contender = {
  async serve() {
    const mesh = await LocalMesh.start()
    await mesh.grant({ from: ['role:agent'], to: ['port:sink'], allow: ['connect'] })
    const sink = createServer({ allowHalfOpen: true }, receive).listen(0, '127.0.0.1')
    await once(sink, 'listening')
    const data = mesh.data('box')
    await up('box', { token: await mesh.token(), data })
    const { port } = sink.address() as AddressInfo
    const exposed = await runCommand(['expose', String(port), '--as', 'sink', '--data', data])
    if (exposed.code !== 0) throw new Error(`Cannot expose the port: ${exposed.stderr}`)
    const address: Address = { token: await mesh.token(), data: mesh.data('laptop') }
    const stop = async (): Promise<void> => {
      endChildren()
      await mesh.stop()
    }
    return { address, stop }
  },

  async connect(address) {
    const { data } = address as Address
    await up('laptop', address as Address)
    const port = await forward('box:sink', data)
    return {
      echo: () => Promise.reject(new Error('it carries no calls')),
      transfer: async bytes => {
        const socket = connect({ port, host: '127.0.0.1' })
        await once(socket, 'connect')
        await send(socket, bytes)
      },
      stop: async () => endChildren(),
    }
  },
}
