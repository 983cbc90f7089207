import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundleProgram } from '../../../test/support/bundle-program.ts'
import { median } from '../load.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..', '..')
/** Fresh processes that count. */
const starts = 9

export interface StartTimes {
  start_ms: number
  first_call_ms: number
}

/**
 * Starts a bundled program once so that it joins, then several times.
 * @param data its data folder
 * @param token what it joins with
 * @param callee name of the member it calls
 * @returns medians, ms since the call of `createAgent`
 */
export async function programStarts(data: string, token: string, callee: string): Promise<StartTimes> {
  const outdir = join(root, '.data', 'rest-program')
  await bundleProgram(join(import.meta.dirname, 'program.ts'), outdir)
  const env = { ...process.env, AGENT_MESH_JOIN: token }
  const times: StartTimes[] = []
  for (let i = 0; i <= starts; i++) {
    const { stdout } = await run(process.execPath, [join(outdir, 'main.js'), data, callee], { env })
    times.push(JSON.parse(stdout) as StartTimes)
  }
  const enrolled = times.slice(1)
  const of = (figure: keyof StartTimes) => Math.round(median(enrolled.map(time => time[figure])))
  return { start_ms: of('start_ms'), first_call_ms: of('first_call_ms') }
}
