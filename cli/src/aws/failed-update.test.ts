import { stackNames } from '@agent-mesh/infra/settings/stack-names'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { deploy } from './deploy.ts'
import { readDeployment, writeDeployment, type Deployment } from './deployment-file.ts'

const names = stackNames('Mesh')
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'failed-update-'))
  vi.stubEnv('AWS_REGION', 'eu-west-1')
  vi.stubEnv('AWS_DEFAULT_REGION', 'eu-west-1')
  // Node refuses to run the CDK.
  vi.stubEnv('NODE_OPTIONS', '--no-such-option')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

const deployment = (requestRate: string, stacks: string[]): Deployment => ({
  stack: 'Mesh',
  region: 'eu-west-1',
  settings: { requestRate },
  stacks,
})

/** What is remembered when the CDK fails. */
async function remembered(last: Deployment | undefined, signal = new AbortController().signal) {
  if (last !== undefined) await writeDeployment(folder, last)
  const next = deployment('200', last?.stacks ?? [])
  const common = { bootstrap: false, rollback: true, checkMs: 1_000, signal, say: () => {} }
  await expect(deploy({ folder, last, next, ...common })).rejects.toThrow()
  return readDeployment(folder)
}

describe('deploy.json after "cdk deploy" failed', () => {
  it('has the settings of before, with which the control plane still runs, and all stacks', async () => {
    const last = deployment('100', [names.controlPlane])
    expect(await remembered(last)).toEqual({ ...last, stacks: [names.controlPlane, names.data] })
  })

  it.each([
    ['the first deployment', undefined],
    ['one whose control plane was destroyed before', deployment('100', [names.data])],
  ])('has the new settings after %s: there are none to return to', async (_, last) => {
    expect(await remembered(last)).toMatchObject({ settings: { requestRate: '200' } })
  })

  it('has the new settings after an interruption: CloudFormation continues', async () => {
    const last = deployment('100', [names.data, names.controlPlane])
    expect(await remembered(last, AbortSignal.abort())).toMatchObject({ settings: { requestRate: '200' } })
  })
})
