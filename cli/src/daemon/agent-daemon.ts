import { createAgent, explanationOf, type Agent } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalCallAllReply } from '@agent-mesh/protocol/local-api'
import { localValue, valueOfLocal } from '@agent-mesh/protocol/local-value'

import type { LocalDaemon } from '../local/local-daemon.ts'
import { AgentForwards } from '../ports/agent-forwards.ts'
import { ExposedPorts } from '../ports/exposed-ports.ts'
import { ServedPrograms } from '../programs/served-programs.ts'
import { namedCommands, type ToolServerFlags } from '../tool-servers/named-commands.ts'
import type { Output } from '../show/output.ts'
import type { Text } from '../show/text.ts'
import { recentLog, serveExec, serveFiles, sendPulled, type MachineFlags } from './agent-files.ts'
import { agentStream } from './agent-stream.ts'
import { agentMessages, publishMessage } from './agent-topics.ts'
import { daemonLog } from './daemon-log.ts'
import { otherNameText } from './given-name.ts'
import { memberOptions, type MemberFlags } from './options.ts'
import { liveLogLevel } from './reload.ts'
import { ownersRoutes, startGateway, type RunningGateway } from './agent-gateway.ts'
import { startToolServers } from './agent-tool-servers.ts'
import type { StartedDaemon } from './run-daemon.ts'
import { ModuleWatch } from './module-watch.ts'
import { ServedModules } from './served-modules.ts'
import { loadAnew, loadServices } from './service-modules.ts'

export interface AgentFlags extends MemberFlags, ToolServerFlags, MachineFlags {
  paths: 'any' | 'relay'
  /** Names or peer ids of the relays that it uses. @default all */
  useRelay?: string[]
  /** Looks for members on the LAN. */
  mdns: boolean
  /** Tunes settings by what its calls show. @default true */
  tuning?: boolean
  /** Where the gateway listens. @default nowhere */
  gateway?: { host: string; port: number }
  /** Modules whose exports are services. */
  serve?: string[]
  /** Reloads them when they change. @default false */
  watch?: boolean
}

/** Starts the agent of this machine. @throws MeshError */
export async function startAgentDaemon(flags: AgentFlags): Promise<StartedDaemon> {
  // Before joining: a module that does not load should not use up the token.
  const files = flags.serve ?? []
  const watching = flags.watch === true ? new ModuleWatch(files) : undefined
  const load = watching === undefined ? loadServices : loadAnew()
  const services = await load(files)
  const toolServers = namedCommands(flags)
  const kept = await recentLog(flags)
  const log = daemonLog('agent', flags, kept)
  const agent = await createAgent({
    ...(await memberOptions(flags)),
    paths: flags.paths,
    ...(flags.useRelay !== undefined && { relays: flags.useRelay }),
    mdns: flags.mdns,
    tuning: flags.tuning ?? true,
    log,
  })
  const served = new ServedModules(definition => agent.serve(definition), load)
  const ports = new ExposedPorts(agent, flags.folder.path)
  const programs = new ServedPrograms(agent, flags.folder.path, log)
  const forwards = new AgentForwards(agent)
  let gateway: RunningGateway | undefined
  let stopToolServers = () => Promise.resolve()
  try {
    // At once: callers that were faster wait for it.
    served.serve(services)
    await programs.restore()
    await ports.restore()
    gateway = await startGateway(agent, flags, log)
    await serveFiles(agent, flags, { data: flags.folder.path, log: kept })
    await serveExec(agent, flags)
    stopToolServers = await startToolServers(agent, toolServers, { data: flags.folder.path, log })
  } catch (error) {
    await agent.stop()
    throw error
  }
  watching?.start({ served, log })
  const { peerId, name, meshId, askedName } = agent
  return {
    local: { ...localAgent(agent, forwards), ports, programs, ...ownersRoutes(agent, gateway) },
    metrics: () => agent.metrics(),
    ready: {
      fields: { peerId, name, meshId, askedName, ...(gateway !== undefined && { gatewayUrl: gateway.url }) },
      text: (output, context) => whatNext(agent, output, context, gateway?.url),
    },
    live: {
      ...liveLogLevel(log),
      serve: (files: readonly string[] | undefined) => served.reload(files ?? []),
    },
    kept,
    stop: async () => {
      await watching?.stop()
      // Its calls end with the agent, which waits for them.
      gateway?.refuse()
      await agent.stop()
      await forwards.stop()
      await stopToolServers()
      await gateway?.stop()
    },
  }
}

const whatNext = (
  { name, peerId, meshId, askedName }: Agent,
  output: Output,
  flags: string,
  gatewayUrl: string | undefined,
): Text => [
  `${output.style('green', `${name} is up`)} in mesh ${meshId}.`,
  ...otherNameText(askedName, name),
  `peer id  ${peerId}`,
  ...(gatewayUrl === undefined ? [] : [`gateway  ${gatewayUrl}`]),
  '',
  `From another terminal: agent-mesh${flags} status, peers, services, call, call-all, ping, path. Ctrl-C stops the agent.`,
]

function localAgent(agent: Agent, forwards: AgentForwards): LocalDaemon {
  return {
    status: () => agent.status(),
    peers: () => agent.peers(),
    services: () => agent.services(),
    tuning: () => agent.tuning(),
    call: async ({ method, params, bytes, timeoutMs: timeout, ...options }, { signal }) => {
      const asked = await agent
        .ask(method, valueOfLocal({ value: params, bytes }), { ...options, timeout, signal })
        .catch((thrown: unknown) => explained(thrown))
      const { value, peerId, name, path, ms, explanation } = asked
      return {
        ...localValue(value),
        ...{ peerId, ms },
        ...(name !== undefined && { name }),
        ...(path !== undefined && { path }),
        ...(explanation !== undefined && { explanation }),
      }
    },
    callAll: async ({ method, params, bytes, timeoutMs: timeout, ...options }, { signal }) => {
      const value = valueOfLocal({ value: params, bytes })
      const { results, skipped } = await agent.callAll(method, value, { ...options, timeout, signal })
      return { results: results.map(localResult), skipped }
    },
    stream: (request, options) => agentStream(agent, request, options),
    publish: request => publishMessage(agent, request),
    subscribe: (request, { signal }) => agentMessages(agent, request, signal),
    receive: (offer, { signal }) => agent.receive(offer).openPipe(signal),
    send: file => sendPulled(agent, file),
    forward: (request, { signal }) => forwards.listen(request, signal),
    connect: ({ peer, port }, { signal }) => agent.connect(peer, port, { signal }),
    ping: async ({ peer, timeoutMs }, { signal }) => {
      const reply = await agent.ping(peer, { signal, ...(timeoutMs !== undefined && { timeout: timeoutMs }) })
      const { peerId, name, path, rttMs } = reply
      const links = reply.links.map(link => ({
        path: link.path,
        ...(link.rttMs !== undefined && { rttMs: link.rttMs }),
      }))
      return { peerId, path, rttMs, links, ...(name !== undefined && { name }) }
    },
    path: ({ peer, from, timeoutMs }, { signal }) =>
      agent.path(peer, {
        signal,
        ...(from !== undefined && { from }),
        ...(timeoutMs !== undefined && { timeout: timeoutMs }),
      }),
  }
}

/** To the command on this machine alone, an error says why the call went where it went. */
function explained(thrown: unknown): never {
  const explanation = thrown instanceof MeshError ? explanationOf(thrown) : undefined
  if (explanation === undefined) throw thrown
  const { code, message, hint, details, declared, cause } = thrown as MeshError
  throw new MeshError(code, message, {
    ...(hint !== undefined && { hint }),
    ...(declared !== undefined && { declared }),
    ...{ details: { ...details, explanation }, cause },
  })
}

type AgentResult = Awaited<ReturnType<Agent['callAll']>>['results'][number]

function localResult(result: AgentResult): LocalCallAllReply['results'][number] {
  const member = { peerId: result.peerId, ...(result.name !== undefined && { name: result.name }) }
  if (result.ok) return { ...member, ok: true, ...localValue(result.value) }
  const { code, message } = result.error
  return { ...member, ok: false, error: { code, message } }
}
