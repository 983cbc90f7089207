import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeCloud } from '../support/aws/describe-cloud.ts'
import { pythonTools } from '../support/aws/python.ts'

const root = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

describeCloud('the templates', () => {
  let outdir = ''

  beforeAll(async () => {
    outdir = await mkdtemp(join(tmpdir(), 'templates-'))
    const context = {
      relays: '2',
      domain: 'mesh.example.com',
      hostedZoneId: 'Z0123456789',
      alarmEmail: 'ops@example.com',
    }
    const env = { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) }
    await run(process.execPath, ['infra/src/app.ts'], { cwd: root, env })
  })
  afterAll(() => rm(outdir, { recursive: true, force: true }))

  it('pass cfn-lint without an error', async () => {
    const templates = (await readdir(outdir)).filter(file => file.endsWith('.template.json'))
    expect(templates).toHaveLength(3)
    const args = ['--non-zero-exit-code', 'error', ...templates.map(file => join(outdir, file))]
    const { stdout } = await run(join(await pythonTools(), 'cfn-lint'), args).catch(
      (failed: { stdout: string }) => failed,
    )
    expect(stdout.match(/^E\d+.*/gm) ?? []).toEqual([])
  })
})
