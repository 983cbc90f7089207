import { defineService } from '@agent-mesh/agent'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { LocalMesh } from '../support/local-mesh.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8')

/** Metrics of these sections of docs/metrics.md with their labels. */
function listed(...titles: string[]): Map<string, string[]> {
  const sections = page.split('\n## ').filter(section => titles.includes(section.split('\n', 1)[0] ?? ''))
  const rows = sections.join('\n').matchAll(/^\| `(agent_mesh_\w+)` \| \w+ \| ([^|]*) \|/gm)
  return new Map(
    [...rows].map(([, name = '', labels = '']) => [
      name,
      [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
    ]),
  )
}

/** What `/metrics` serves: the metrics, and the labels of all samples. */
function served(text: string): { names: string[]; samples: [name: string, labels: string[]][] } {
  const names = [...text.matchAll(/^# TYPE (agent_mesh_\w+) /gm)].map(([, name = '']) => name)
  const samples = [...text.matchAll(/^(agent_mesh_\w+)\{([^}]*)\}/gm)].map(
    ([, name = '', labels = '']): [string, string[]] => [
      name.replace(/_(bucket|sum|count)$/, ''),
      [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label).filter(label => label !== 'le'),
    ],
  )
  return { names: names.sort(), samples }
}

let mesh: LocalMesh
beforeAll(async () => {
  mesh = await LocalMesh.start()
})
afterAll(() => mesh.stop())

async function texts() {
  const relay = await mesh.relay('relay-1', undefined, undefined, { stun: { port: 0 } })
  const text = { params: z.string(), result: z.string(), idempotent: true, cache: { ttl: 1_000 } }
  const echo = defineService({ name: 'echo', version: 1, methods: { say: text } })
  const [agent, callee] = [
    await mesh.agent({ name: 'caller', contracts: [echo] }),
    await mesh.agent({ name: 'callee' }),
  ]
  callee.serve({ contract: echo, handlers: { say: words => words } })
  await agent.waitFor(echo)
  await agent.call('echo.say', 'x')
  const answer = await fetch(new URL('metrics', mesh.controlPlane.url))
  return { agent: await agent.metrics(), relay: await relay.metrics(), plane: await answer.text() }
}

test('docs/metrics.md lists what agents, relays and control planes serve, with its labels', async () => {
  const { agent, relay, plane } = await texts()
  for (const [text, titles] of [
    [agent, ['Agents and relays', 'Agents']],
    [relay, ['Agents and relays', 'Relays']],
    [plane, ['Control plane']],
  ] as const) {
    const [{ names, samples }, metrics] = [served(text), listed(...titles)]
    expect(names).toEqual([...metrics.keys()].sort())
    for (const [name, labels] of samples)
      expect(metrics.get(name), name).toEqual(expect.arrayContaining(labels))
  }
})
