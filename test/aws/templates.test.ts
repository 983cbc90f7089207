import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeCloud } from '../support/aws/describe-cloud.ts'
import { pythonTools } from '../support/python.ts'

const root = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

/** Of checkov's report. */
interface Finding {
  check_id: string
  resource: string
  check_result: { suppress_comment?: string }
}

describeCloud('the templates', () => {
  let outdir = ''
  let templates: string[] = []

  beforeAll(async () => {
    outdir = await mkdtemp(join(tmpdir(), 'templates-'))
    const context = {
      relays: '2',
      domain: 'mesh.example.com',
      hostedZoneId: 'Z0123456789',
      alarmEmail: 'ops@example.com',
      trafficShift: 'canary',
      tracing: 'true',
      apiConcurrency: '50',
      budgetUsd: '20',
      budgetEmail: 'ops@example.com',
    }
    const env = { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) }
    await run(process.execPath, ['infra/src/app.ts'], { cwd: root, env })
    templates = (await readdir(outdir)).filter(file => file.endsWith('.template.json'))
  })
  afterAll(() => rm(outdir, { recursive: true, force: true }))

  it('pass cfn-lint without an error', async () => {
    expect(templates).toHaveLength(3)
    const args = ['--non-zero-exit-code', 'error', ...templates.map(file => join(outdir, file))]
    const { stdout } = await run(join(await pythonTools(), 'cfn-lint'), args).catch(
      (failed: { stdout: string }) => failed,
    )
    expect(stdout.match(/^E\d+.*/gm) ?? []).toEqual([])
  })

  it('pass checkov, each check that is left out with its reason', { timeout: 600_000 }, async () => {
    const bin = await pythonTools('aws/checkov-requirements.txt')
    const files = templates.flatMap(file => ['--file', join(outdir, file)])
    const args = [...files, '--framework', 'cloudformation', '--skip-download', '--output', 'json']
    const { stdout } = await run(join(bin, 'checkov'), args, { maxBuffer: 64 * 1024 * 1024 }).catch(
      (failed: { stdout: string }) => failed,
    )
    const { results } = JSON.parse(stdout) as { results: Record<`${string}_checks`, Finding[]> }
    const named = (findings: readonly Finding[] = []) =>
      findings.map(({ check_id, resource }) => `${check_id} ${resource}`)
    expect(named(results.failed_checks)).toEqual([])
    expect(named(results.passed_checks).length).toBeGreaterThan(100)
    const unexplained = results.skipped_checks?.filter(({ check_result }) => !check_result.suppress_comment)
    expect(named(unexplained)).toEqual([])
  })
})
