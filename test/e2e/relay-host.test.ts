/** deploy/cloud-init/relay.yaml, run on a copy of this machine's system: files, installation, and the relay as its unit starts it. */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { canTry } from '../support/can-try.ts'
import { lastJson, openWorkshop, runCommand, type Workshop } from '../support/command.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const userData = join(root, 'deploy', 'cloud-init', 'relay.yaml')

interface UserData {
  write_files: { path: string; permissions: string; content: string }[]
  runcmd: [string][]
}

/**
 * In namespaces of its own, with the system as lower layer and memory as upper one. Installs, starts the relay twice, the second time
 * without its token, and ends it by SIGTERM: a ready line and an exit code each.
 */
const script = `set -eu
cd "$1"
mkdir -p over system
mount -t tmpfs tmpfs over
mkdir over/upper over/work
mount -t overlay overlay -o lowerdir=/,upperdir=over/upper,workdir=over/work system
mount --rbind /dev system/dev
mount --rbind /proc system/proc
mkdir -p "system$1"
mount --bind "$1/shared" system/mnt
cp -r files/. system/
# Units are enabled; nothing starts them here.
SYSTEMD_OFFLINE=1 chroot system "$2" >&2
command=$(sed -n 's/^ExecStart=//p' system/etc/systemd/system/agent-mesh-relay.service)
for life in 1 2; do
  chroot --userspec agent-mesh:agent-mesh system /usr/bin/env -i $(cat system/etc/agent-mesh/relay.env) \\
    AGENT_MESH_LISTEN=/ip4/127.0.0.1/tcp/0 AGENT_MESH_STUN_PORT=0 HOME=/var/lib/agent-mesh $command &
  read -r _
  kill -TERM $!
  code=0
  wait $! || code=$?
  echo "{\\"ended\\":$code}"
  rm -f system/etc/agent-mesh/join-token
done
chroot system stat -c '{"mode":"%a %U"}' /var/lib/agent-mesh`

const canInstall = canTry(
  'the installation of a relay',
  process.getuid?.() === 0 && existsSync('/etc/debian_version'),
  'root and Debian',
)

describe.skipIf(!canInstall)('a server that cloud-init sets up', () => {
  let folder = ''
  let workshop: Workshop

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'server-'))
    workshop = await openWorkshop()
  })
  afterAll(async () => {
    await workshop?.end()
    await rm(folder, { recursive: true, force: true })
  })

  it('gets a relay that joins, ends cleanly, and is the same one after a restart without its token', async () => {
    const { data } = await workshop.start('control-plane', ['control-plane', '--listen', '127.0.0.1:0'])
    const made = await runCommand([
      ...['token', 'create', '--role', 'relay', '--name', 'relay-7', '--replace', '--json', '--data', data],
    ])
    const { write_files: files, runcmd } = parse(await readFile(userData, 'utf8')) as UserData
    const values: Record<string, string> = {
      '/etc/agent-mesh/install.env': await installSettings(folder),
      '/etc/agent-mesh/join-token': String(lastJson(made)['token']),
    }
    for (const { path, permissions, content } of files) {
      const file = join(folder, 'files', path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, values[path] ?? content, { mode: Number.parseInt(permissions, 8) })
    }
    const arguments_ = [
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      script,
      'sh',
      folder,
      runcmd[0]?.[0],
    ]
    const child = spawn('unshare', arguments_ as string[], { stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const lines: Record<string, unknown>[] = []
    createInterface({ input: child.stdout }).on('line', line => {
      lines.push(JSON.parse(line) as Record<string, unknown>)
      if (line.includes('"event":"ready"')) child.stdin.write('next\n')
    })
    const [code] = (await once(child, 'close')) as [number | null]
    expect([code, code === 0 ? '' : said]).toEqual([0, ''])
    const ready = lines.filter(({ event }) => event === 'ready')
    expect(ready).toMatchObject([{ name: 'relay-7' }, { name: 'relay-7', peerId: ready[0]?.['peerId'] }])
    expect(lines.filter(({ ended }) => ended !== undefined)).toEqual([{ ended: 0 }, { ended: 0 }])
    expect(lines.at(-1)).toEqual({ mode: '700 agent-mesh' })
  }, 240_000)
})

/** The command of this checkout as a tarball, as `npm pack` makes one. */
async function installSettings(folder: string): Promise<string> {
  const shared = join(folder, 'shared')
  await mkdir(shared)
  await run(process.execPath, [join(root, 'cli/build/build.ts'), 'command', join(folder, 'package')])
  const tarball = join(shared, 'command.tgz')
  await run('tar', ['-czf', tarball, '-C', folder, 'package'])
  const hash = createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64')
  return `RELAY_NAME=relay-7\nRELAY_HOST=127.0.0.1\nRELAY_REGION=\nRELAY_MAIL=\nPACKAGE_URL=file:///mnt/command.tgz\nPACKAGE_INTEGRITY=sha512-${hash}\n`
}

const cloudInit = await run('cloud-init', ['--version']).then(
  () => true,
  () => false,
)
if (!cloudInit && process.env['CI'] === 'true') throw new Error('cloud-init is not installed')
if (!cloudInit) console.log('skipped: cloud-init is not installed')

it.skipIf(!cloudInit)('the user data is valid for cloud-init', async () => {
  const { stdout, stderr } = await run('cloud-init', ['schema', '--config-file', userData])
  expect(`${stdout}${stderr}`).toContain('Valid')
})
