/**
 * Programs of others through ports of a machine that only a relay reaches: OpenSSH, rsync, git and PostgreSQL. RSYNC_MIB: what rsync
 * carries.
 */
import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { userInfo } from 'node:os'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { commandFile, lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'
import { freePort } from '../support/free-port.ts'
import { postgresMissing, startPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { sshMissing, startSshServer, type SshServer } from '../support/ssh-server.ts'

const run = promisify(execFile)
const rsyncMiB = Number(process.env['RSYNC_MIB'] ?? 128)
const timeout = 200_000 + rsyncMiB * 400

let workshop: Workshop
let ssh: SshServer
let postgres: PostgresServer
const at = (name: string) => ['--data', workshop.folder(name)]
const command = async (name: string, ...args: string[]) => {
  const ran = await runCommand([...args, ...at(name)])
  expect(ran, args.join(' ')).toMatchObject({ code: 0 })
  return ran
}

beforeAll(async () => {
  workshop = await openWorkshop()
  await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const policy = JSON.parse((await command('cp', 'policy', 'get')).stdout) as { grants: object[] }
  policy.grants.push({ from: ['role:agent'], to: ['port:*'], allow: ['connect'] })
  await writeFile(workshop.folder('policy.json'), JSON.stringify(policy))
  await command('cp', 'policy', 'set', workshop.folder('policy.json'))
  const members: Record<string, string[]> = {
    relay: ['relay', '--listen', `/ip4/127.0.0.1/tcp/${await freePort()}`, '--stun-port', '0'],
    box: ['up', '--no-listen', '--no-mdns', '--paths', 'relay'],
    laptop: ['up', '--no-listen', '--no-mdns', '--paths', 'relay'],
  }
  for (const [name, args] of Object.entries(members)) {
    const role = name === 'relay' ? ['--role', 'relay'] : []
    const { token } = lastJson(await command('cp', 'token', 'create', '--name', name, ...role, '--json'))
    await workshop.start(name, args, commandFile, { AGENT_MESH_JOIN: String(token) })
  }
})
afterAll(() => workshop.end())

describe.skipIf(sshMissing() !== undefined)('over a relay', () => {
  beforeAll(async () => {
    ssh = await startSshServer(workshop.folder('ssh'))
    await command('box', 'expose', `${ssh.port}`, '--as', 'ssh')
    await vi.waitFor(() => sshRun('true'), 100_000)
  })
  afterAll(() => ssh.stop())

  const proxied = () => [
    ...ssh.options,
    '-o',
    `ProxyCommand=${process.execPath} ${commandFile} ${at('laptop').join(' ')} connect %h:ssh`,
  ]
  const sshRun = async (line: string) => (await run('ssh', [...proxied(), 'box', line])).stdout
  /** A shell line, as rsync and git take it. */
  const sshLine = () => ['ssh', ...proxied()].map(word => `'${word}'`).join(' ')

  it('ssh runs a command, with its exit code', async () => {
    expect(await sshRun('echo $USER; exit 0')).toBe(`${userInfo().username}\n`)
    await expect(sshRun('exit 3')).rejects.toMatchObject({ code: 3 })
  })

  it(
    `rsync carries ${rsyncMiB} MiB`,
    async () => {
      const file = await open(workshop.folder('large'), 'w')
      for (let at = 0; at < rsyncMiB; at++) await file.write(randomBytes(1024 * 1024))
      await file.close()
      await run('rsync', [
        '--whole-file',
        '-e',
        sshLine(),
        workshop.folder('large'),
        `box:${workshop.folder('copy')}`,
      ])
      expect(await digest(workshop.folder('copy'))).toBe(await digest(workshop.folder('large')))
    },
    timeout,
  )

  it('git clones, twice at once', async () => {
    const origin = workshop.folder('origin')
    await mkdir(origin)
    await writeFile(workshop.folder('origin/file'), randomBytes(1024 * 1024))
    const git = (...args: string[]) =>
      run('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', '-C', origin, ...args])
    await git('init', '--quiet')
    await git('add', 'file')
    await git('commit', '--quiet', '--message', 'first')
    const clone = (name: string) =>
      run('git', ['clone', '--quiet', `ssh://box${origin}`, workshop.folder(name)], {
        env: { ...process.env, GIT_SSH_COMMAND: sshLine() },
      })
    await Promise.all([clone('one'), clone('two')])
    for (const name of ['one', 'two'])
      expect(await digest(workshop.folder(`${name}/file`))).toBe(await digest(workshop.folder('origin/file')))
  })
})

describe.skipIf(postgresMissing() !== undefined)('over a relay', () => {
  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterAll(() => postgres.stop())

  it('PostgreSQL answers ten clients through a forward', async () => {
    const url = await postgres.database('ports')
    await command('box', 'expose', `localhost:${postgres.port}`, '--as', 'postgres')
    const child = spawn(
      process.execPath,
      [commandFile, 'forward', 'box:postgres', '--json', ...at('laptop')],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
      const { port } = JSON.parse(line) as { port: number }
      const ask = async (at: number) => {
        const client = new pg.Client({ connectionString: url(port) })
        await client.connect()
        const { rows } = await client.query<{ sum: string }>(
          'SELECT sum(n) + $1 AS sum FROM generate_series(1, 10000) n',
          [at],
        )
        await client.end()
        return rows[0]?.sum
      }
      const sums = await Promise.all(Array.from({ length: 10 }, (_, at) => ask(at)))
      expect(sums).toEqual(Array.from({ length: 10 }, (_, at) => `${50_005_000 + at}`))
    } finally {
      child.kill()
    }
  })
})

async function digest(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
  return hash.digest('hex')
}
