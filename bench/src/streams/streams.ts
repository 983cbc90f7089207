/** Messages of 100 bytes one way over one link, two processes: Agent Mesh streams beside raw node:tls. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Bench } from '../bench.ts'
import { median } from '../load.ts'

const contenders = ['tls', 'mesh'] as const
/** Of a round: some 2 s of the slower. */
const messages = 400_000

const script = new URL('message-process.ts', import.meta.url)
const start = (...args: string[]): ChildProcess => fork(script, args, { stdio: ['ignore', 2, 2, 'ipc'] })

/** @returns messages a second */
async function round(contender: string): Promise<number> {
  const server = start(contender, 'serve')
  const [{ address }] = (await once(server, 'message')) as [{ address: unknown }]
  const reader = start(contender, 'read', JSON.stringify(address), String(messages))
  const [{ ms }] = (await once(reader, 'message')) as [{ ms: number }]
  for (const child of [server, reader]) child.kill('SIGKILL')
  return (messages / ms) * 1_000
}

export const streams: Bench = {
  about: 'messages of 100 B one way over one link: Agent Mesh streams, raw node:tls',
  peers: true,
  async run({ rounds, progress }) {
    const seen = new Map<string, number[]>(contenders.map(name => [name, []]))
    for (let n = 1; n <= rounds; n++)
      for (const name of contenders) {
        const perSecond = Math.round(await round(name))
        seen.get(name)?.push(perSecond)
        progress(`round ${n} ${name}: ${perSecond} messages/s`)
      }
    const [tls, mesh] = contenders.map(name => Math.round(median(seen.get(name) ?? [])))
    return {
      bench: 'streams',
      ratios: { messages_vs_tls: Number(((mesh ?? 0) / (tls ?? 1)).toFixed(3)) },
      figures: { tls_messages_per_s: tls, mesh_messages_per_s: mesh },
    }
  },
}
