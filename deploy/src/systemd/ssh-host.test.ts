/** Scripts for machines, over a program of the test in place of `ssh`: a shell of this machine. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commands } from '../commands.ts'
import { quoted, SshHost } from './ssh-host.ts'

let folder: string
let host: SshHost

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssh-host-'))
  await writeFile(join(folder, 'ssh'), '#!/bin/sh\nexec sh -s\n', { mode: 0o755 })
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
  const machine = { name: 'relay-1', role: 'relay', ssh: 'admin@relay-1.example.com' } as const
  host = new SshHost(
    commands({ env, began: () => () => {} }),
    { as: [], options: [] },
    { ...machine, data: folder, program: join(folder, 'program') },
  )
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const { signal } = new AbortController()

test.each(["it's", '$(reboot)', '`reboot`', 'a b', '', '"; reboot', "'; reboot '", 'a\nb'])(
  'a shell takes %j as one word',
  word => {
    const said = execFileSync('sh', ['-s'], { input: `printf '%s|' ${quoted(word)}`, encoding: 'utf8' })
    expect(said).toBe(`${word}|`)
  },
)

test('gives what a script says, and names the machine where it fails', async () => {
  expect(await host.run('echo one\necho two', signal)).toBe('one\ntwo')
  const failed = host.run('false\necho more', signal)
  await expect(failed).rejects.toThrow('Cannot run on relay-1 (admin@relay-1.example.com): exit 1')
  await expect(host.run('echo no room >&2; exit 7', signal)).rejects.toMatchObject({
    exit: 7,
    said: 'no room',
  })
})
