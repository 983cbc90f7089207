/**
 * A log file as a stream: its last lines, and each new one as it is written, until the reader leaves.
 *   export TOKEN=$(npx agent-mesh token create --uses 2)
 *   npx node examples/log-tail.ts
 */
import { createAgent, defineService, implementService, type Agent } from '@agent-mesh/agent'
import assert from 'node:assert/strict'
import { on } from 'node:events'
import { watch } from 'node:fs'
import { appendFile, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'

const logs = defineService({
  name: 'logs',
  version: 1,
  methods: {
    tail: {
      about: 'The last lines of the log, then new ones until the reader leaves.',
      params: z.object({ lines: z.int().min(1).max(1_000) }),
      yields: z.string(),
      result: z.undefined(),
      effects: 'read',
    },
  },
})

const folder = await mkdtemp(join(tmpdir(), 'log-tail-'))
const file = join(folder, 'app.log')
/** Settles when the reader of the stream has left and the file is closed. */
const closed = Promise.withResolvers<void>()

const logService = implementService(logs, {
  async *tail({ lines }, { signal }) {
    const watcher = watch(file)
    const changes = on(watcher, 'change', { signal })
    const handle = await open(file)
    const decoder = new TextDecoder()
    try {
      let last = lines
      let rest = ''
      for (;;) {
        // Each reading begins where the one before has ended.
        rest += decoder.decode(await handle.readFile(), { stream: true })
        const whole = rest.split('\n')
        rest = whole.pop() ?? ''
        yield* whole.slice(-last)
        last = Infinity
        // A reader that is slow or gone: nothing is read ahead for it, and the signal ends the wait.
        await changes.next()
      }
    } finally {
      watcher.close()
      await handle.close()
      closed.resolve()
    }
  },
})

const token = process.env['TOKEN']
const agents: Agent[] = []
const start = async (name: string): Promise<Agent> => {
  const agent = await createAgent({
    ...{ data: join(folder, name), name, listen: ['/ip4/127.0.0.1/tcp/0'], ephemeral: true },
    ...(token !== undefined && { join: token }),
  })
  agents.push(agent)
  return agent
}

try {
  await appendFile(file, 'one\ntwo\nthree\n')
  const server = await start('log-server')
  server.serve(logService)
  const reader = await start('log-reader')
  await reader.waitFor(logs)

  const seen: string[] = []
  for await (const line of reader.service(logs).tail({ lines: 2 })) {
    seen.push(line)
    console.log(line)
    if (line === 'three') await appendFile(file, 'four\nfi')
    if (line === 'four') await appendFile(file, 've\n')
    if (line === 'five') break
  }
  assert.deepEqual(seen, ['two', 'three', 'four', 'five'])
  await closed.promise
  console.log('the reader has left, and the file is closed')
} finally {
  await Promise.all(agents.map(agent => agent.stop()))
  await rm(folder, { recursive: true, force: true })
}
