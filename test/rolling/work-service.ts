/** What each agent serves (`agent-mesh up --serve`): every execution is a line of a file before it begins. */
import { implementService } from '@agent-mesh/agent'
import { openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { executionsFile } from './executions.ts'
import { work as contract } from './work-contract.ts'

const file = openSync(executionsFile(), 'a')

/** Written at once, so that not even kill -9 loses the line. Lines of several processes do not mix: each is one short append. */
async function run({ id, ms }: { id: string; ms: number }): Promise<string> {
  writeSync(file, `${id}\n`)
  await delay(ms)
  return id
}

export const work = implementService(contract, { look: run, book: run })
