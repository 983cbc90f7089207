/** The drills of docs/operations.md, run as they stand there; only ports and the token are replaced. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { commandFile, lastJson, runCommand, type Ran } from '../support/command.ts'

const page = join(import.meta.dirname, '..', '..', 'docs', 'operations.md')
const patience = { timeout: 60_000, interval: 200 }

let text: string
let folder: string
const children: ChildProcess[] = []
const env = () => ({ XDG_DATA_HOME: folder })

/** The lines below `### Drill: NAME`. @param count how many a test runs: a line more would not be run */
function drill(name: string, count: number): string[] {
  const [, block = ''] = new RegExp(`### Drill: ${name}\\n[^]*?\`\`\`sh\\n([^]*?)\`\`\``).exec(text) ?? []
  const lines = block.trim().split('\n')
  expect(lines).toHaveLength(count)
  return lines
}

const argumentsOf = (line: string, token = ''): string[] =>
  line
    .replace('drill.backup', join(folder, 'drill.backup'))
    .replace(/127\.0\.0\.1:\d+/, '127.0.0.1:0')
    .replace('TOKEN', token)
    .replace(/^agent-mesh /, '')
    .split(' ')

const run = (line: string): Promise<Ran> => runCommand([...argumentsOf(line), '--json'], env())

async function well(line: string): Promise<Record<string, unknown>> {
  const ran = await run(line)
  expect(ran.code, `${line}: ${ran.stdout}${ran.stderr}`).toBe(0)
  return lastJson(ran)
}

const names = ({ members }: Record<string, unknown>): string[] =>
  (members as { name: string }[]).map(({ name }) => name)

/** Starts what stays in the foreground, until it says that it is ready. */
async function daemon(line: string, token = ''): Promise<ChildProcess> {
  const args = [commandFile, ...argumentsOf(line, token), '--json']
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env() }, stdio: 'pipe' })
  children.push(child)
  let said = ''
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await vi.waitFor(() => expect(said, line).toContain('"event":"ready"'), patience)
  return child
}

beforeAll(async () => {
  text = await readFile(page, 'utf8')
  folder = await mkdtemp(join(tmpdir(), 'drills-'))
  await daemon('agent-mesh control-plane --listen 127.0.0.1:0')
}, 90_000)

afterAll(async () => {
  for (const child of children.reverse()) {
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  await rm(folder, { recursive: true, force: true })
}, 60_000)

test('the authority key is rotated, and a member stays ready; then it is revoked', async () => {
  const [create = '', up = '', rotate = '', ready = ''] = drill('rotate the authority key', 4)
  await daemon(up, String((await well(create))['token']))
  expect(await well(rotate)).toMatchObject({ kid: expect.any(String) as unknown })
  await well(ready)

  const [revoke = '', status = '', audit = ''] = drill('revoke a member', 3)
  expect(await well(revoke)).toMatchObject({ name: 'drill-agent' })
  await vi.waitFor(async () => {
    expect(await well(status)).toMatchObject({ revoked: true, ready: false })
  }, patience)
  expect((await run(audit)).stdout).toMatch(/"what":"revoke","detail":\{[^}]*"name":"drill-agent"/)
}, 240_000)

test('a backup restores the members into another folder, and the audit log is complete', async () => {
  const [backup = '', restore = '', plane = '', verify = '', list = ''] = drill('restore a backup', 5)
  const members = names(await well('agent-mesh members list'))
  await well(backup)
  await well(restore)
  await daemon(plane)
  await well(verify)
  expect(members).toEqual(expect.arrayContaining(['admin', 'drill-agent']))
  expect(names(await well(list))).toEqual(members)
}, 240_000)
