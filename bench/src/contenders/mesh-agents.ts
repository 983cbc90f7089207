/** Two agents of one mesh with all defaults on (policy, validation, limiter, metrics), as contenders over each path. */
import { createAgent, defineService, type AgentOptions } from '@agent-mesh/agent'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { LocalMesh, loopback, silent } from '../../../test/support/local-mesh.ts'
import { receive, send } from '../bulk/transfer.ts'
import { objectParams, smallParams, type Contender } from './contender.ts'

interface Address {
  readonly token: string
  readonly folder: string
}

const small = z.object({ data: z.string() })
const open = defineService({
  name: 'open',
  version: 1,
  methods: { echo: { params: z.any(), result: z.any() } },
})
const typed = defineService({
  name: 'typed',
  version: 1,
  methods: { echo: { params: small, result: small } },
})

/** @param paths `relay`: a relay in a process of its own carries everything */
export const meshContender = (paths: NonNullable<AgentOptions['paths']>): Contender => ({
  async serve() {
    const mesh = await LocalMesh.start()
    await mesh.grant({ from: ['role:agent'], to: ['port:*'], allow: ['connect'] })
    const relay = paths === 'relay' ? await startRelay(mesh) : undefined
    const agent = await mesh.agent({ name: 'server', paths })
    agent.serve({ contract: open, handlers: { echo: params => params } })
    agent.serve({ contract: typed, handlers: { echo: params => params } })
    agent.expose({ name: 'sink', to: receive })
    const address: Address = { token: await mesh.token(), folder: mesh.data('client') }
    const stop = async (): Promise<void> => {
      await mesh.stop()
      relay?.kill('SIGKILL')
    }
    return { address, stop }
  },

  async connect(address) {
    const { token, folder } = address as Address
    const agent = await createAgent({
      data: folder,
      join: token,
      name: 'client',
      listen: [loopback],
      log: silent,
      paths,
    })
    await Promise.all([agent.waitFor('open'), agent.waitFor('typed')])
    const checked = agent.service(typed)
    return {
      echo: () => agent.call('open.echo', smallParams),
      typed: () => checked.echo(smallParams),
      objects: () => agent.call('open.echo', objectParams),
      transfer: async bytes => send(await agent.connect('server', 'sink'), bytes),
      stop: () => agent.stop(),
    }
  },
})

/** Resolves when the relay runs. */
async function startRelay(mesh: LocalMesh): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('../bulk/relay-process.ts', import.meta.url))
  const child = fork(script, [], { stdio: ['ignore', 2, 2, 'ipc'] })
  // It must not outlive a worker that is killed.
  process.on('exit', () => child.kill('SIGKILL'))
  child.send({ data: mesh.data('relay'), join: await mesh.token({ roles: ['relay'] }) })
  await once(child, 'message')
  return child
}
