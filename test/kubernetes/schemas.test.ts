/** The chart before tools that know Kubernetes: Helm, the schemas of its releases, and checkov. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pythonTools } from '../support/python.ts'
import { chart, helm, renderText, valueSets, valuesOf } from './support/chart.ts'

const run = promisify(execFile)
let folder = ''
let manifests: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chart-'))
  manifests = await Promise.all(
    valueSets.map(async set => {
      const file = join(folder, `${set}.yaml`)
      await writeFile(file, await renderText(set))
      return file
    }),
  )
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const validate = async (version: string, ...files: string[]): Promise<string> => {
  const command = join(await pythonTools('kubernetes/requirements.txt'), 'kubernetes-validate')
  const args = ['--strict', '--quiet', '--no-warn', '--kubernetes-version', version, ...files]
  return run(command, args).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }: { stdout: string; stderr: string }) => `refused: ${stdout}${stderr}`,
  )
}

test.each(valueSets)('Helm finds no fault with the values "%s"', async set => {
  expect(await helm('lint', '--strict', chart, '--values', valuesOf(set))).toContain('0 chart(s) failed')
})

test.each(['1.29.0', '1.33.0', '1.37.0'])('Kubernetes %s knows every field', async version => {
  expect(await validate(version, ...manifests)).toBe('')
})

test('a field that Kubernetes does not know is found', async () => {
  const file = join(folder, 'wrong')
  await writeFile(file, (await renderText('minimal')).replace('readinessProbe', 'readynessProbe'))
  expect(await validate('1.37.0', file)).toMatch(/^refused: .*readynessProbe/s)
})

/** Of checkov's report. */
interface Finding {
  check_id: string
  resource: string
}

/** Checks of checkov that are not met on purpose. */
const accepted = {
  CKV_K8S_11: 'a limit of CPU delays calls while the node idles',
  CKV_K8S_15: 'the operator chooses; by digest, the default pulls once',
  CKV_K8S_26: 'relays that the operator exposes at ports of their nodes',
  CKV_K8S_35: 'the URL of the database is a setting of the environment; no other Secret is in a variable',
  CKV_K8S_43: 'the operator gives the digest of the image that was built',
}
/** Of the pod of `helm test` alone, which ends by itself. */
const acceptedOfSmoke = ['CKV_K8S_8', 'CKV_K8S_9']

test('checkov finds nothing else', { timeout: 600_000 }, async () => {
  const command = join(await pythonTools('aws/checkov-requirements.txt'), 'checkov')
  const files = manifests.flatMap(file => ['--file', file])
  const args = [...files, '--framework', 'kubernetes', '--skip-download', '--output', 'json']
  const { stdout } = await run(command, args, { maxBuffer: 64 * 1024 * 1024 }).catch(
    (failed: { stdout: string }) => failed,
  )
  const { results } = JSON.parse(stdout) as {
    results: Record<'passed_checks' | 'failed_checks', Finding[]>
  }
  const isAccepted = ({ check_id, resource }: Finding): boolean =>
    check_id in accepted || (acceptedOfSmoke.includes(check_id) && /^Pod\..*-smoke$/.test(resource))
  const failed = results.failed_checks.filter(finding => !isAccepted(finding))
  expect(failed.map(({ check_id, resource }) => `${check_id} ${resource}`)).toEqual([])
  expect(results.passed_checks.length).toBeGreaterThan(500)
  const needless = Object.keys(accepted).filter(
    id => !results.failed_checks.some(each => each.check_id === id),
  )
  expect(needless).toEqual([])
})
