/** The mesh through the running agent, on its local socket: with all rights of the agent. */
import { askLocal } from '@agent-mesh/agent/gateway/local-socket'
import { hostService } from '@agent-mesh/agent/services/contract/host-service'
import type { LocalValue } from '@agent-mesh/protocol/local-value'

import { commandDefaults } from '../defaults.ts'
import { localClient, type LocalClient } from '../local/local-client.ts'
import { mcpDefaults } from './mcp-defaults.ts'
import type { AskedTool, ToolAnswer, ToolMesh } from './tool-mesh.ts'

/** @param folder data folder of the agent @param stop ends what is in flight */
export function socketMesh(folder: string, stop: AbortSignal): ToolMesh {
  const until = (signal: AbortSignal) => AbortSignal.any([stop, signal])
  const clientOf = ({ signal }: AskedTool) => localClient(folder, until(signal))
  return {
    describe: async signal => {
      const asked = { path: '/v1/describe', timeoutMs: commandDefaults.callTimeoutMs, signal: until(signal) }
      return (await askLocal(folder, asked, hostService.methods.describe.result)).services
    },
    call: async asked => {
      const request = { ...requestOf(asked), timeoutMs: asked.timeoutMs ?? mcpDefaults.callMs }
      const { value, bytes, peerId, name } = await clientOf(asked).call(request)
      return { value, bytes, member: name ?? peerId }
    },
    stream: asked => messagesOf(clientOf(asked), asked),
    members: () => localClient(folder, stop).peers(),
  }
}

const requestOf = ({ method, params, member, app }: AskedTool) => ({
  ...{ method, app },
  ...(params !== undefined && { params }),
  ...(member !== undefined && { peer: member }),
})

async function* messagesOf(
  client: LocalClient,
  asked: AskedTool,
): AsyncGenerator<LocalValue, ToolAnswer, undefined> {
  const { value, bytes, peerId } = yield* client.stream(requestOf(asked))
  return { value, bytes, member: peerId }
}
