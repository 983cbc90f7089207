/**
 * `npm run test:schemathesis`: Schemathesis (PyPI, in a venv of its own below `.data`) asks every operation of openapi.json
 * what it should take and what it should refuse, as a stranger, as an agent and as an admin of a running control plane. Its
 * last line is `N passed, N failed`. Without Python it is skipped, in CI it fails.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startTestPlane } from '../integration/control-plane-fixture.ts'
import { signingProxy, toBeSigned } from './signing-proxy.ts'

const version = '4.32.5'
const root = join(import.meta.dirname, '..', '..')
const venv = join(root, '.data', `schemathesis-${version}`)
const tool = join(venv, 'bin', 'schemathesis')

/** The same requests at each run. */
const always = ['--generation-deterministic', '--phases', 'examples,coverage,fuzzing']
/** That schemas take too much is no finding: what a cursor is only the API knows, and no pattern checks the bytes of a key. */
const unjudged = ['--exclude-checks', 'positive_data_acceptance']
const bounds = ['--max-examples', '40', '--continue-on-failure', '--no-color', '--warnings', 'off']

function run(command: string, args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw error ?? new Error(`Cannot install Schemathesis: ${command} ended with ${status}`)
}

function install(): void {
  if (existsSync(tool)) return
  run('python3', ['-m', 'venv', '--clear', venv])
  run(join(venv, 'bin', 'pip'), ['install', '--quiet', `schemathesis==${version}`])
}

const signed = ['--header', `Authorization: ${toBeSigned}`]

/** What it keeps of its own lands beside it. @returns whether it found nothing */
async function examine(url: string, more: string[] = []): Promise<boolean> {
  const schema = join(root, 'protocol', 'openapi', 'openapi.json')
  const args = ['run', schema, '--url', url, ...always, ...bounds, ...unjudged, ...more]
  const child = spawn(tool, args, { cwd: venv, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code === 0
}

async function main(): Promise<number> {
  if (spawnSync('python3', ['--version']).status !== 0) {
    console.log('skipped: Schemathesis needs python3')
    return process.env['CI'] === 'true' ? 1 : 0
  }
  install()
  const test = await startTestPlane()
  const found: Record<string, boolean> = {}
  try {
    found['stranger'] = await examine(test.plane.url)
    const agent = (await test.join({ as: 'asked' })).signer
    for (const [name, signer] of Object.entries({ agent, admin: test.admin })) {
      const proxy = await signingProxy(test, signer)
      // The agent leaves in the end, not in the middle.
      const [rest, last] = ['--exclude-path', '--include-path'].map(choice => [choice, '/v1/leave'])
      found[name] = await examine(proxy.url, [...signed, ...rest!])
      found[`${name} that leaves`] = await examine(proxy.url, [...signed, ...last!])
      await proxy.stop()
    }
  } finally {
    await test.stop()
  }
  const failed = Object.values(found).filter(clean => !clean).length
  for (const [name, clean] of Object.entries(found))
    console.log(`as ${name}: ${clean ? 'nothing found' : 'FAILED'}`)
  console.log(`${Object.keys(found).length - failed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

process.exitCode = await main()
