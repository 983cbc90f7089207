/**
 * Lines of protocol, agent, relay, lambdas and cli that the specs of the projects unit and crossing run in their own processes. A spec
 * that fails, as some may where coverage makes all slower, is named, and does not take the figure away: `npm test` is where specs must
 * pass.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

import { checkout, program, type Gate, type Verdict } from './gate.ts'

const leastPercent = 85
/** It takes 520 s of processor time; on two cores that six other runs shared it took 17 min. */
const mostMinutes = 60
/** Where vitest.config.ts leaves them. */
const folder = join(checkout, 'coverage')
const summary = join(folder, 'coverage-summary.json')

const command = [
  ...['vitest', 'run', '--project', 'unit', '--project', 'crossing', '--coverage.enabled'],
  ...['--coverage.reportOnFailure', '--coverage.reporter=json-summary', '--coverage.reporter=html'],
]

interface Lines {
  readonly pct: number
  readonly covered: number
  readonly total: number
}

/** @param said by vitest @returns how its specs ended */
export const countsOf = (said: string): string =>
  [...stripVTControlCharacters(said).matchAll(/^\d+ passed, \d+ failed, \d+ skipped$/gm)].at(-1)?.[0] ??
  'without a count'

/** @param said by vitest @returns how many files of specs have ended in it */
export const filesIn = (said: string): number =>
  [...stripVTControlCharacters(said).matchAll(/^ [✓❯] +\|?(unit|crossing)\|? +\S+\.test\.ts /gm)].length

/** @param said by vitest @returns each spec that failed once: its file and its name, or the file that did not load */
export const failedIn = (said: string): string[] => [
  ...new Set(
    [...stripVTControlCharacters(said).matchAll(/^ FAIL +\|?(?:unit|crossing)\|? +(\S.*)$/gm)].map(
      ([, spec = '']) => spec.trimEnd(),
    ),
  ),
]

/** @param said by vitest */
export function judged({ pct, covered, total }: Lines, said: string): Verdict {
  const isEnough = pct >= leastPercent
  const lines = [
    ...(isEnough ? [] : [`${covered} of ${total} lines: coverage/index.html shows which are not run`]),
    ...failedIn(said).map(spec => `failed: ${spec}`),
  ]
  return {
    result: isEnough ? 'passed' : 'failed',
    figure: `${pct} % of lines, specs: ${countsOf(said)}`,
    limit: `>= ${leastPercent} %`,
    ...(lines.length > 0 && { said: lines.join('\n') }),
  }
}

export const coverage: Gate = {
  name: 'coverage (unit, crossing)',
  fast: false,
  run: async say => {
    await rm(summary, { force: true })
    let files = 0
    const { said } = await program(command, {
      withinMs: mostMinutes * 60_000,
      printed: text => say(`${(files += filesIn(text))} files of specs`),
    })
    const text = await readFile(summary, 'utf8').catch(() => undefined)
    if (text === undefined)
      return { result: 'failed', said: `no report within ${mostMinutes} min:\n${said.slice(-4_000)}` }
    return judged((JSON.parse(text) as { total: { lines: Lines } }).total.lines, said)
  },
}
