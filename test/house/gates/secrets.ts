/** Secrets in files of the repository: secretlint with its recommended rules, and a rule for join tokens. */
import { formatJoinToken } from '@agent-mesh/protocol'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

import { checkout, faultless, program, withoutTool, type Gate } from './gate.ts'

const tools = join(import.meta.dirname, 'tools')
const bin = join(tools, 'node_modules', '.bin', 'secretlint')

/** Of no mesh. */
const meshId = 'a'.repeat(52)

/** Files with credentials that no machine accepts: tests plant them to see that they are hidden. */
const planted: Readonly<Record<string, string>> = {
  'protocol/src/redact.test.ts': 'what the redactor has to find',
  'lambdas/src/domain/public-url.test.ts': 'a URL with a password is refused',
  'test/compliance/store-postgres.test.ts': 'a password must not be shown',
  'test/e2e/audit.test.ts': 'a password must not reach a log',
  'test/e2e/control-planes-agree.test.ts': 'a database of the test',
  'test/integration/proxied-agent.test.ts': 'a proxy of the test',
}

interface Found {
  readonly filePath: string
  readonly messages: readonly { ruleId: string; message: string; loc: { start: { line: number } } }[]
}

/** Files that git knows of; secrets in the messages are masked. @throws Error when the scan itself fails */
export async function secretFaults(files: readonly string[], cwd: string = checkout): Promise<string[]> {
  const faults: string[] = []
  for (let first = 0; first < files.length; first += 500) {
    const some = files.slice(first, first + 500)
    const rules = ['--secretlintrc', join(tools, 'secretlint.json'), '--format', 'json']
    const { stdout, said } = await program([bin, ...rules, '--no-gitignore', '--no-glob', ...some], { cwd })
    if (!stdout.startsWith('[')) throw new Error(`Cannot look for secrets: ${said}`)
    for (const { filePath, messages } of JSON.parse(stdout) as Found[])
      for (const { ruleId, message, loc } of messages)
        faults.push(`${relative(cwd, filePath)}:${loc.start.line}: ${message} (${ruleId})`)
  }
  return faults.filter(fault => !Object.keys(planted).some(file => fault.startsWith(`${file}:`)))
}

/** Installs, once, what tools/package.json names. @returns whether it is there */
export async function installSecretlint(): Promise<boolean> {
  if (existsSync(bin)) return true
  return (await program(['npm', 'ci', '--no-audit'], { cwd: tools })).code === 0
}

/** A scan that finds nothing proves nothing until it has found something. */
async function findsPlanted(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-secrets-'))
  try {
    const token = formatJoinToken({ url: 'https://mesh.example.com', meshId, secret: randomBytes(32) })
    await writeFile(join(folder, 'planted.txt'), `${token}\n`)
    return (await secretFaults(['planted.txt'], folder)).length === 1
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export const secrets: Gate = {
  name: 'secrets',
  fast: true,
  run: async () => {
    if (!(await installSecretlint())) return withoutTool('secretlint cannot be installed from the registry')
    if (!(await findsPlanted()))
      return { result: 'failed', said: 'secretlint does not find a planted join token' }
    const { stdout } = await program(['git', 'ls-files', '-z'])
    const files = stdout.split('\0').filter(file => existsSync(join(checkout, file)))
    return faultless(await secretFaults(files), `${files.length} files`)
  },
}
