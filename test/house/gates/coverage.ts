/** Lines that the specs of the projects unit and crossing run. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { program, type Gate, type Verdict } from './gate.ts'

const leastPercent = 85

async function measured(folder: string): Promise<Verdict> {
  const report = [
    '--coverage.enabled',
    '--coverage.reporter=json-summary',
    `--coverage.reportsDirectory=${folder}`,
  ]
  const { code, said } = await program([
    'vitest',
    'run',
    '--project',
    'unit',
    '--project',
    'crossing',
    ...report,
  ])
  if (code !== 0) return { result: 'failed', said: said.slice(-4_000) }
  const text = await readFile(join(folder, 'coverage-summary.json'), 'utf8')
  const { total } = JSON.parse(text) as { total: { lines: { pct: number; covered: number; total: number } } }
  const { pct, covered, total: lines } = total.lines
  const isEnough = pct >= leastPercent
  return {
    ...{ result: isEnough ? 'passed' : 'failed', figure: `${pct} % of lines`, limit: `>= ${leastPercent} %` },
    ...(!isEnough && { said: `${covered} of ${lines} lines: npm run test:coverage shows which are not run` }),
  }
}

export const coverage: Gate = {
  name: 'coverage (unit, crossing)',
  fast: false,
  run: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-coverage-'))
    try {
      return await measured(folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
