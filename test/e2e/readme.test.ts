/** The README's first steps, run as they stand there; only addresses and the token are replaced. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { commandFile, endChild, runCommand } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'

const checkout = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

let readme: string
let folder: string
let ports: { http: number; tcp: number }
const children: ChildProcess[] = []

/** The fenced blocks below a heading or bold word, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(
    match => match[1] ?? '',
  )
}

const localised = (line: string, token = ''): string[] =>
  line
    .replace('0.0.0.0:8440', `127.0.0.1:${ports.http}`)
    .replace('mesh.example.com:8440', `127.0.0.1:${ports.http}`)
    .replace('/ip4/0.0.0.0/tcp/4001', `/ip4/127.0.0.1/tcp/${ports.tcp}`)
    .replace('/ip4/198.51.100.7/tcp/4001', `/ip4/127.0.0.1/tcp/${ports.tcp}`)
    .replace('TOKEN', token)
    .replace(/^npx agent-mesh /, '')
    .split(' ')

/** Each machine has a home of its own. */
const on = (machine: string) => ({ ...process.env, XDG_DATA_HOME: join(folder, machine) })

const command = async (machine: string, args: string[]) =>
  (await run(process.execPath, [commandFile, ...args], { env: on(machine) })).stdout

/** Starts what stays in the foreground, until it says that it is ready. */
async function daemon(machine: string, args: string[]): Promise<void> {
  const child = spawn(process.execPath, [commandFile, ...args, '--json'], { env: on(machine), stdio: 'pipe' })
  children.push(child)
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await vi.waitFor(() => expect(said).toContain('"event":"ready"'), 100_000)
}

const tokenIn = (said: string) => /amj1\.[\w.-]+/.exec(said)?.[0] ?? ''

beforeAll(async () => {
  readme = await readFile(join(checkout, 'README.md'), 'utf8')
  folder = await mkdtemp(join(tmpdir(), 'readme-'))
  ports = { http: await freePort(), tcp: await freePort() }
})

afterAll(async () => {
  for (const child of children.reverse()) await endChild(child)
  await rm(folder, { recursive: true, force: true })
})

describe('the first steps of the README', () => {
  let agentToken: string

  test('let an operator start a mesh and a relay', async () => {
    const [controlPlane, relayToken, relay, token] = (blocks('sh')[1] ?? '').trim().split('\n')
    await daemon('operator', localised(controlPlane ?? ''))
    const forRelay = tokenIn(await command('operator', localised(relayToken ?? '')))
    await daemon('operator', localised(relay ?? '', forRelay))
    agentToken = tokenIn(await command('operator', localised(token ?? '')))
    expect(agentToken).not.toBe('')
  })

  test('let the owner of a machine join and look around', async () => {
    const [up, ...looks] = (blocks('sh')[2] ?? '').trim().split('\n')
    await daemon('owner', localised(up ?? '', agentToken))
    expect(looks).toHaveLength(3)
    for (const look of looks) expect(await command('owner', localised(look))).not.toBe('')
  })

  test('let a programmer serve and call', async () => {
    // Inside the checkout, so that its packages are found.
    const workplace = await mkdtemp(join(checkout, 'examples', '.readme-'))
    try {
      await writeFile(join(workplace, 'main.ts'), blocks('ts')[0] ?? '')
      const env = { ...process.env, TOKEN: agentToken }
      const { stdout, stderr } = await run(process.execPath, ['main.ts'], { cwd: workplace, env })
      expect([stdout.trim(), stderr], `on stderr: ${stderr}`).toEqual(['3', ''])
    } finally {
      await rm(workplace, { recursive: true, force: true })
    }
  })

  test('let everybody ask the bootstrap endpoint', async () => {
    const [url] = localised(/curl (http\S+\/v1\/bootstrap)/.exec(readme)?.[1] ?? '')
    expect(await (await fetch(url ?? '')).json()).toMatchObject({
      meshId: expect.any(String),
      head: expect.any(Object),
    })
  })

  test('answer the questions of every day', async () => {
    const asked = [...readme.matchAll(/^\| .* \| `npx agent-mesh ([^`]+)` \|$/gm)].map(
      ([, line = '']) => line,
    )
    expect(asked.length).toBeGreaterThan(5)
    const { peers } = JSON.parse(await command('owner', ['peers', '--json'])) as {
      peers: { name: string; kind: string }[]
    }
    const other = peers.find(({ kind }) => kind === 'agent')?.name ?? ''
    for (const line of asked) {
      const machine = /^(policy|revoke|audit|admin)/.test(line) ? 'operator' : 'owner'
      const args = line.replace('web-1', other).replace('mesh.backup', join(folder, 'mesh.backup')).split(' ')
      expect(await command(machine, line.startsWith('revoke') ? [...args, '--yes'] : args), line).not.toBe('')
    }
  })

  test('ask the CDK for a plan in words that it knows', async () => {
    const [, plan = ''] = /`npx agent-mesh (deploy aws --dry-run)`/.exec(readme) ?? []
    expect(plan).not.toBe('')
    // Without credentials the CDK reads the stacks of this checkout and stops before it asks AWS.
    const missing = join(folder, 'no-such-file')
    const env = {
      ...{
        AWS_CONFIG_FILE: missing,
        AWS_SHARED_CREDENTIALS_FILE: missing,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
      ...{ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_PROFILE: '', AWS_REGION: 'eu-central-1' },
      XDG_DATA_HOME: join(folder, 'operator'),
    }
    const { stderr } = await runCommand(plan.split(' '), env)
    expect(stderr).toContain('Unable to resolve AWS account')
    expect(stderr).not.toContain('Unknown option')
  })

  test('name only files that exist', async () => {
    const links = [...readme.matchAll(/\]\(((?!http)[^)#]+)\)/g)].map(match => match[1] ?? '')
    expect(links.length).toBeGreaterThan(5)
    for (const link of links)
      await expect(
        readFile(join(checkout, link)).catch((e: NodeJS.ErrnoException) => e.code === 'EISDIR'),
      ).resolves.toBeTruthy()
  })
})
