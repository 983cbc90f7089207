import { MeshError } from '@agent-mesh/protocol/errors'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { adminClient } from '../data/admin-client.ts'
import { localClient } from '../local/local-client.ts'
import { startChild, type Child } from './child.ts'
import { demoDefaults } from './defaults.ts'
import { followPath, foundPathText, type FoundPath } from './found-path.ts'
import { makeDemoFolder, removal } from './demo-folder.ts'

/** A whole mesh of processes on this machine, in a temporary folder. */
export interface DemoMesh {
  readonly controlPlane: Child
  readonly relays: readonly Child[]
  readonly agents: readonly Child[]
  /** How the agents without an address reached each other. */
  readonly found: FoundPath
  /** Ends every process and removes the folder. Idempotent. */
  stop(): Promise<void>
}

/** Starts it; `say` is called with each step. @throws MeshError when a part does not start; nothing is left then */
export async function startDemoMesh(say: (text: string) => void, signal: AbortSignal): Promise<DemoMesh> {
  const root = await makeDemoFolder()
  const children: Child[] = []
  const start = (name: string, args: readonly string[], join?: string) => {
    signal.throwIfAborted()
    const child = startChild(name, path.join(root, name), args, join)
    children.push(child)
    return child
  }
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= stopAll(children, root))
  try {
    say('Starting the control plane')
    const controlPlane = start('control-plane', ['control-plane', '--listen', '127.0.0.1:0'])
    await controlPlane.ready
    const admin = await adminClient(controlPlane.data, undefined)
    const [relayToken, agentToken] = await Promise.all([
      admin.createToken({ uses: demoDefaults.relays.length, roles: ['relay'] }, signal),
      admin.createToken({ uses: demoDefaults.agents.length, roles: ['agent'] }, signal),
    ])
    say(`Starting ${demoDefaults.relays.length} relays and ${demoDefaults.agents.length} agents`)
    const relays = demoDefaults.relays.map(name =>
      start(name, ['relay', '--name', name, '--listen', '/ip4/127.0.0.1/tcp/0'], relayToken.token),
    )
    await Promise.all(relays.map(({ ready }) => ready))
    const agents = demoDefaults.agents.map(name => start(name, agentArguments(name), agentToken.token))
    await Promise.all(agents.map(({ ready }) => ready))
    say('Waiting until all members know each other')
    const [found] = await Promise.all([followHidden(agents, signal), converged(agents, signal)])
    say(foundPathText(found))
    return { controlPlane, relays, agents, found, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const hidden: readonly string[] = demoDefaults.hiddenAgents

const agentArguments = (name: string): string[] => [
  ...['up', '--name', name, '--no-mdns'],
  ...(hidden.includes(name) ? ['--no-listen'] : ['--listen', '/ip4/127.0.0.1/tcp/0']),
  ...(name === demoDefaults.relayedAgent ? ['--paths', 'relay'] : []),
]

function followHidden(agents: readonly Child[], signal: AbortSignal): Promise<FoundPath> {
  const [from, to] = agents.filter(({ name }) => hidden.includes(name))
  if (from === undefined || to === undefined) throw new Error('the demo has no two hidden agents')
  return followPath(from, to, signal)
}

async function converged(agents: readonly Child[], signal: AbortSignal): Promise<void> {
  const others = demoDefaults.relays.length + demoDefaults.agents.length - 1
  const end = performance.now() + demoDefaults.convergeMs
  for (const { name, data } of agents) {
    const online = async () => (await localClient(data, signal).peers()).filter(peer => peer.online).length
    while ((await online()) < others) {
      if (performance.now() > end)
        throw new MeshError(
          'unavailable',
          `Cannot start the demo mesh: ${name} sees ${await online()} of ${others} members`,
        )
      await wait(demoDefaults.pollMs, undefined, { signal })
    }
  }
}

async function stopAll(children: readonly Child[], root: string): Promise<void> {
  // Agents first: they leave through relays and control plane.
  const [agentsAndRelays, rest] = [children.slice(1), children.slice(0, 1)]
  await Promise.all(agentsAndRelays.map(child => child.stop()))
  await Promise.all(rest.map(child => child.stop()))
  await rm(root, removal)
}
