/** The mesh through the agent of this process, as a program with a token may use it. */
import { localValue, type LocalValue } from '@agent-mesh/protocol/local-value'

import { checkScope, noteDenial, type GatewayAgent, type GatewayCaller } from '../gateway/caller.ts'
import { descriptions } from '../gateway/descriptions.ts'
import type { AskedTool, ToolAnswer, ToolMesh } from './tool-mesh.ts'

export function agentMesh(agent: GatewayAgent, caller: GatewayCaller): ToolMesh {
  const noted = ({ to }: AskedTool, thrown: unknown): never => {
    noteDenial(agent, caller, { action: 'call', to }, thrown)
    throw thrown
  }
  return {
    describe: async signal => (await descriptions(agent, caller, signal)).services,
    call: async asked => {
      checkScope(agent, caller, 'call', asked.to)
      const { value, name, peerId } = await agent
        .ask(asked.method, asked.params, optionsOf(asked))
        .catch((thrown: unknown) => noted(asked, thrown))
      caller.mustHold()
      return { ...localValue(value), member: name ?? peerId }
    },
    stream: async function* (asked): AsyncGenerator<LocalValue, ToolAnswer, undefined> {
      checkScope(agent, caller, 'call', asked.to)
      const stream = agent.stream(asked.method, asked.params, optionsOf(asked))
      try {
        for await (const message of stream) {
          caller.mustHold()
          yield localValue(message)
        }
        const result = await stream.result
        caller.mustHold()
        return { ...localValue(result), member: stream.peerId }
      } catch (thrown) {
        return noted(asked, thrown)
      }
    },
    members: () => Promise.resolve(reachedBy(agent, caller)),
  }
}

const optionsOf = ({ app, member: peer, signal }: AskedTool) => ({
  ...{ app, signal },
  ...(peer !== undefined && { peer }),
})

/** Members and services beyond its scope are no business of a program. */
const reachedBy = (agent: GatewayAgent, caller: GatewayCaller) =>
  agent
    .peers()
    .map(({ services, ...peer }) => ({
      ...peer,
      services: services.filter(ref => caller.reaches(ref.replace(/@\d+$/, ''))),
    }))
    .filter(({ services }) => services.length > 0)
