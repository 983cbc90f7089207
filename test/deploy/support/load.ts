/**
 * Runs beside the agent that calls: `node load.ts 500` begins that many calls a second until its stdin ends, then waits for those that
 * run and prints what became of them as a line of JSON.
 */
import { Agent, request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

const perSecond = Number(process.argv[2])
const tickMs = 10
/** A slow machine begins fewer a second, rather than to queue them without a bound. */
const mostRunning = 1_000

// One for each call: a kept one may be closed by the agent just when a call takes it, which says nothing of the mesh.
const connections = new Agent({ keepAlive: false, maxSockets: mostRunning })
const running = new Set<Promise<void>>()
/** By the agent that answered, and by what was said in place of an answer. */
const [answered, failed] = [new Map<string, number>(), new Map<string, number>()]
const count = (counts: Map<string, number>, key: string): void =>
  void counts.set(key, (counts.get(key) ?? 0) + 1)

async function call(id: number): Promise<void> {
  try {
    const response = await post({ id })
    const said = await text(response)
    if (response.statusCode === 200 && Number(said) === id)
      count(answered, String(response.headers['mesh-name']))
    else count(failed, `${response.statusCode}: ${said.slice(0, 300)}`)
  } catch (error) {
    // The queue of the socket is full: no agent has seen the call.
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') withdraw()
    else count(failed, String(error))
  }
}

const post = (params: object): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'mesh-timeout': '60s', 'mesh-idempotent': 'true' }
    const place = { socketPath: '/data/agent.sock', path: '/v1/call/work/look', method: 'POST' }
    request({ ...place, headers, agent: connections }, resolve)
      .on('error', reject)
      .end(JSON.stringify(params))
  })

const startedAt = performance.now()
let [id, begun, skipped] = [0, 0, 0]

function withdraw(): void {
  begun--
  skipped++
}

function tick(): void {
  const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond)
  for (; id < due; id++) {
    if (running.size >= mostRunning) {
      skipped++
      continue
    }
    begun++
    const one: Promise<void> = call(id).finally(() => running.delete(one))
    running.add(one)
  }
}

const timer = setInterval(tick, tickMs)
process.stdin.resume()
process.stdin.once('end', () => {
  clearInterval(timer)
  const seconds = (performance.now() - startedAt) / 1_000
  void Promise.all(running).then(() => {
    connections.destroy()
    const [names, failures] = [Object.fromEntries(answered), Object.fromEntries(failed)]
    console.log(JSON.stringify({ begun, skipped, seconds, answered: names, failed: failures }))
  })
})
