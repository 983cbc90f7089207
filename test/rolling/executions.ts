/** Where the agents write which calls they executed: one file, its name in the environment of all processes of a run. */
import { readFile } from 'node:fs/promises'

const variable = 'ROLLING_EXECUTIONS'

/** Processes started from now on write there. */
export function writeExecutionsTo(file: string): void {
  process.env[variable] = file
}

export function executionsFile(): string {
  const file = process.env[variable]
  if (file === undefined) throw new Error(`Cannot write executions: ${variable} names no file`)
  return file
}

/** How often each call was executed, by its id. */
export async function countExecutions(): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const id of (await readFile(executionsFile(), 'utf8')).split('\n'))
    if (id !== '') counts.set(id, (counts.get(id) ?? 0) + 1)
  return counts
}
