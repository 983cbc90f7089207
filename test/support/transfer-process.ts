/**
 * One end of a transfer in a process of its own: its parent sends what it starts with, then what it does. It says the most memory that
 * it took while it sent or received. Roles: `relay`, `sender`, `receiver`.
 */
import { createAgent, createLogger, defineService, transferOffer, type Agent } from '@agent-mesh/agent'
import { once } from 'node:events'
import * as z from 'zod'

/** What a process is started with. */
export interface TransferStart {
  role: 'relay' | 'sender' | 'receiver'
  data: string
  join: string
  listen: string[]
  announce?: string[]
  paths?: 'any' | 'relay'
}

/** What a receiver does. */
export interface Fetch {
  path: string
  to: string
}

/** What a process says. */
export interface TransferReply {
  runs?: true
  /** Of the file that was saved. */
  bytes?: number
  error?: string
  /** Bytes. */
  mostRss?: number
}

const files = defineService({
  name: 'folder',
  version: 1,
  methods: { get: { params: z.string(), result: transferOffer, effects: 'read' } },
})

const silent = createLogger('test', 'silent')
const unlimited = {
  memberBytesPerSecond: 0,
  memberBytesPerDay: 0,
  totalBytesPerSecond: 0,
  totalBytesPerDay: 0,
}
const say = (reply: TransferReply): void => void process.send?.(reply)

async function fetchFile(agent: Agent, { path, to }: Fetch): Promise<void> {
  try {
    await agent.waitFor(files)
    const offer = await agent.service(files).get(path)
    say({ bytes: await agent.receive(offer).saveTo(to) })
  } catch (error) {
    say({ error: String(error) })
  }
}

async function start({ role, ...options }: TransferStart): Promise<Agent | undefined> {
  if (role === 'relay') {
    const { createRelay } = await import('@agent-mesh/relay')
    await createRelay({ ...options, name: role, log: silent, traffic: unlimited })
    return undefined
  }
  const agent = await createAgent({ ...options, name: role, log: silent, mdns: false })
  if (role === 'sender')
    agent.serve({ contract: files, handlers: { get: (path, context) => context.send(path) } })
  return agent
}

const [given] = (await once(process, 'message')) as [TransferStart]
const agent = await start(given)
let mostRss = 0
setInterval(() => (mostRss = Math.max(mostRss, process.memoryUsage.rss())), 20).unref()
process.on('message', (asked: Fetch | 'rss') => {
  if (asked === 'rss') say({ mostRss })
  else if (agent !== undefined) void fetchFile(agent, asked)
})
process.on('disconnect', () => process.exit())
say({ runs: true })
