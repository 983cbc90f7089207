import { createLogUpdate } from 'log-update'
import { setTimeout as wait } from 'node:timers/promises'
import * as z from 'zod/mini'

import { localClient } from '../local/local-client.ts'
import type { Output } from '../show/output.ts'
import { render } from '../show/text.ts'
import { duration } from '../show/units.ts'
import { callAllPairs, type PairCall } from './calls.ts'
import type { Child } from './child.ts'
import { demoDefaults } from './defaults.ts'
import type { DemoMesh } from './demo-mesh.ts'
import { foundPathText } from './found-path.ts'

/** Shows members, paths, round trips and a fleet question, again and again, until `signal`. */
export async function showLive(mesh: DemoMesh, output: Output, signal: AbortSignal): Promise<void> {
  const show = createLogUpdate(process.stdout)
  while (!signal.aborted) {
    const [calls, fleet] = await Promise.all([
      callAllPairs(mesh.agents, signal),
      // An agent that is killed while the demo runs is shown as offline; the demo continues.
      fleetTable(mesh, output, signal).catch((error: unknown) => String(error)),
    ])
    if (signal.aborted) break
    show(
      render([
        output.style('bold', 'Calls from row to column: path and round trip'),
        callTable(mesh.agents, calls, output),
        output.style('dim', foundPathText(mesh.found)),
        '',
        output.style('bold', `${mesh.agents[0]?.name} calls host.info on all members`),
        fleet,
        '',
        output.style('dim', 'Ctrl-C stops the demo and removes its data.'),
      ]),
    )
    await wait(demoDefaults.roundMs, undefined, { signal }).catch(() => undefined)
  }
  show.done()
}

export function callTable(
  agents: readonly Pick<Child, 'name'>[],
  calls: readonly PairCall[],
  output: Output,
): string {
  const cell = (from: string, to: string): string => {
    const call = calls.find(each => each.from === from && each.to === to)
    if (call === undefined) return output.style('dim', '-')
    if (!call.ok) return output.style('red', 'failed')
    return `${output.style(call.path === 'relay' ? 'yellow' : 'green', call.path)} ${duration(call.ms)}`
  }
  const names = agents.map(({ name }) => name)
  return output.table(
    ['', ...names],
    names.map(from => [from, ...names.map(to => cell(from, to))]),
  )
}

async function fleetTable({ agents }: DemoMesh, output: Output, signal: AbortSignal): Promise<string> {
  const data = agents[0]?.data ?? ''
  const request = { method: 'host.info', timeoutMs: demoDefaults.callMs, idempotent: true }
  const [{ results }, peers] = await Promise.all([
    localClient(data, signal).callAll(request),
    localClient(data, signal).peers(),
  ])
  return output.table(
    ['MEMBER', 'STATE', 'ANSWER'],
    peers.map(peer => {
      const result = results.find(({ peerId }) => peerId === peer.peerId)
      const state = peer.online ? output.style('green', 'online') : output.style('red', 'offline')
      const answer = result === undefined ? '-' : result.ok ? hostText(result.value) : result.error.message
      return [peer.name, state, answer.slice(0, 100)]
    }),
  )
}

/** The fields of `host.info` that change; the host itself is the same for all here. */
const hostFields = z.looseObject({
  cpu: z.looseObject({ load: z.array(z.number()) }),
  memory: z.looseObject({ rss: z.number() }),
  uptime: z.looseObject({ agent: z.number() }),
})

function hostText(value: unknown): string {
  const info = hostFields.safeParse(value)
  if (!info.success) return JSON.stringify(value)
  const { cpu, memory, uptime } = info.data
  const rss = `${Math.round(memory.rss / 1024 / 1024)} MB`
  return `up ${duration(uptime.agent * 1_000)}, ${rss}, load ${(cpu.load[0] ?? 0).toFixed(1)}`
}
