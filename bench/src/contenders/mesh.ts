/** Agent Mesh as programs use it: two agents of one mesh with all defaults on (policy, validation, limiter, metrics). */
import { createAgent, defineService } from '@agent-mesh/agent'
import * as z from 'zod'
import { LocalMesh, loopback, silent } from '../../../test/support/local-mesh.ts'
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

export const contender: Contender = {
  async serve() {
    const mesh = await LocalMesh.start()
    const agent = await mesh.agent({ name: 'server' })
    agent.serve({ contract: open, handlers: { echo: params => params } })
    agent.serve({ contract: typed, handlers: { echo: params => params } })
    const address: Address = { token: await mesh.token(), folder: mesh.data('client') }
    return { address, stop: () => mesh.stop() }
  },

  async connect(address) {
    const { token, folder } = address as Address
    const agent = await createAgent({
      data: folder,
      join: token,
      name: 'client',
      listen: [loopback],
      log: silent,
    })
    await Promise.all([agent.waitFor('open'), agent.waitFor('typed')])
    const checked = agent.service(typed)
    return {
      echo: () => agent.call('open.echo', smallParams),
      typed: () => checked.echo(smallParams),
      objects: () => agent.call('open.echo', objectParams),
      stop: () => agent.stop(),
    }
  },
}
