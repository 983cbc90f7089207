import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')

describe('the app', () => {
  it('synthesizes both stacks with no unexplained finding of cdk-nag', async () => {
    const outdir = await mkdtemp(join(tmpdir(), 'synth-'))
    try {
      const context = JSON.stringify({
        relays: '2',
        domain: 'mesh.example.com',
        hostedZoneId: 'Z0123456789',
        alarmEmail: 'ops@example.com',
        trafficShift: 'canary',
        tracing: 'true',
      })
      const env = { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: context }
      await promisify(execFile)(process.execPath, ['infra/src/app.ts'], { cwd: root, env })
      const report = JSON.parse(await readFile(join(outdir, 'validation-report.json'), 'utf8'))
      expect(report.pluginReports).toMatchObject([
        { pluginName: 'AwsSolutions', conclusion: 'success', violations: [] },
      ])
      expect(await readFile(join(outdir, 'AgentMeshRelays.template.json'), 'utf8')).toContain(
        'AWS::AutoScaling::AutoScalingGroup',
      )
    } finally {
      await rm(outdir, { recursive: true, force: true })
    }
  })
})
