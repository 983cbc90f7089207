/** Deployments to machines over programs of the test in place of `ssh` and of the command of each machine. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commands } from '../commands.ts'
import type { Host } from './hosts-file.ts'
import { SystemdTarget } from './systemd-target.ts'

let folder: string

/** A shell of this machine. */
const ssh = `#!/bin/sh
exec sh -s
`
/** The version is in `version`; releases of the place are in the folder above. */
const program = `#!/bin/sh
cd "\${0%/*}"
printf '%s\\n' "$*" >>record
if [ -e busy ]; then rm busy; echo 'another upgrade of it runs' >&2; exit 8; fi
case "$*" in
*' status '*) printf '{"version":"%s","ready":true}\\n' "$(cat version)" ;;
*' --back '*) .agent-mesh/previous --version >version ;;
*' upgrade '*)
  to=$(printf '%s\\n' "$*" | sed -n 's/.*--to \\([^ ]*\\).*/\\1/p')
  [ -e "../release-$to" ] || { echo "Cannot find release $to" >&2; exit 7; }
  case "$*" in *--dry-run*) ;; *) echo "$to" >version ;; esac
  printf '{"version":"%s"}\\n' "$to" ;;
esac
`
const names = { 'relay-1': 'relay', 'control-1': 'control-plane', 'agent-1': 'agent' } as const

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'systemd-target-'))
  await writeFile(join(folder, 'ssh'), ssh, { mode: 0o755 })
  for (const version of ['1', '2']) await writeFile(join(folder, `release-${version}`), '')
  for (const name of Object.keys(names)) {
    await mkdir(join(folder, name))
    await writeFile(file(name, 'program'), program, { mode: 0o755 })
    await writeFile(file(name, 'version'), '1\n')
  }
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const file = (host: string, name: string) => join(folder, host, name)
const { signal } = new AbortController()

function open(hosts = Object.keys(names) as (keyof typeof names)[]): SystemdTarget {
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
  const host = (name: keyof typeof names): Host => ({
    ...{ name, role: names[name], ssh: name },
    ...{ data: file(name, 'data'), program: file(name, 'program') },
  })
  return new SystemdTarget({
    commands: commands({ env, began: () => () => {} }),
    ...{ hosts: { hosts: hosts.map(host), as: [], options: [] }, env: 'hosts', healthyMs: 20_000 },
  })
}

test('refuses machines among which a role is missing, before it asks any of them', async () => {
  await expect(open(['agent-1']).preflight(signal)).rejects.toThrow(
    'Cannot deploy: no host is a relay, and none a control-plane',
  )
  await expect(readFile(file('agent-1', 'record'))).rejects.toThrow('ENOENT')
})

test('asks for room for two programs on each machine, and for a backup where it is made', async () => {
  const df = (ofControlPlane: number) =>
    `#!/bin/sh
free=2000000
case $2 in */control-1/data) free=${ofControlPlane} ;; */data) free=0 ;; esac
printf 'Filesystem\\ndisk 0 0 %s 0 /\\n' "$free"
`
  await writeFile(join(folder, 'df'), df(300_000), { mode: 0o755 })
  await open().preflight(signal)
  await writeFile(join(folder, 'df'), df(200_000), { mode: 0o755 })
  const data = file('control-1', 'data')
  await expect(open().preflight(signal)).rejects.toThrow(
    `Cannot deploy: control-1:${data} has 195 MiB free, 256 MiB are needed`,
  )
})

test('refuses the digest of an image', async () => {
  await expect(open().find(`sha256:${'0f'.repeat(32)}`, signal)).rejects.toThrow('machines run no image')
})

test('finds a way back only where the release that runs is among the releases', async () => {
  const before = { relay: '1', 'control-plane': '2', agent: '1' }
  await open().checkWayBack(before, signal)
  await rm(join(folder, 'release-2'))
  await expect(open().checkWayBack(before, signal)).rejects.toThrow(
    'Cannot deploy: there is no way back to 2: Cannot run on relay-1 (relay-1): exit 7: Cannot find release 2',
  )
})

test('puts back the program that a machine keeps where its release is gone', async () => {
  const version = (of: string) => ({ relay: of, 'control-plane': of, agent: of })
  const relay = { name: 'relay-1', role: 'relay' } as const
  await mkdir(file('relay-1', '.agent-mesh'))
  await writeFile(file('relay-1', '.agent-mesh/previous'), '#!/bin/sh\necho 1\n', { mode: 0o755 })
  await open().put([relay], version('2'), signal)
  await rm(join(folder, 'release-1'))
  await open().put([relay], version('1'), signal)
  expect(await readFile(file('relay-1', 'version'), 'utf8')).toBe('1\n')
  await expect(open().put([relay], version('3'), signal)).rejects.toThrow('Cannot find release 3')
  expect(await readFile(file('relay-1', 'version'), 'utf8')).toBe('1\n')
})

test('waits for an upgrade that another deployment left', async () => {
  const relay = { name: 'relay-1', role: 'relay' } as const
  await writeFile(file('relay-1', 'busy'), '')
  await open().put([relay], { relay: '2', 'control-plane': '2', agent: '2' }, signal)
  expect(await readFile(file('relay-1', 'version'), 'utf8')).toBe('2\n')
})
