/** The dashboards by the types that Grafana publishes for them; Grafana itself is not there. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const dashboards = join(import.meta.dirname, '..', '..', 'deploy', 'grafana')
const folder = mkdtempSync(join(tmpdir(), 'grafana-'))
const checker = join(folder, 'checker')

beforeAll(async () => {
  await run('go', ['build', '-o', checker, '.'], { cwd: import.meta.dirname })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** @returns what is wrong, empty for nothing */
const faultsOf = (file: string): Promise<string> =>
  run(checker, [file]).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  )

const files = readdirSync(dashboards)

test('there are five', () => expect(files).toHaveLength(5))

test.each(files)('%s has what Grafana knows, and nothing else', async file => {
  expect(await faultsOf(join(dashboards, file))).toBe('')
})

test.each([
  ['a field of the dashboard', '"refresh":', '"refreshes":', 'refreshes'],
  ['a field of a panel', '"gridPos":', '"gridPosition":', 'gridPosition'],
  ['a field of a query', '"legendFormat":', '"legend":', 'legend'],
  ['a number for a text', '"unit": "short"', '"unit": 7', 'unit'],
])('%s that is wrong is found', async (_, right, wrong, named) => {
  const text = readFileSync(join(dashboards, 'agent-mesh-overview.json'), 'utf8')
  expect(text).toContain(right)
  const file = join(folder, 'wrong.json')
  await writeFile(file, text.replace(right, wrong))
  expect(await faultsOf(file)).toContain(named)
})
