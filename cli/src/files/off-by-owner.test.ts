import { MeshError } from '@agent-mesh/protocol/errors'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, it, vi } from 'vitest'

import { exitCodes } from '../exit-codes.ts'
import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal } from '../local/local-server.ts'
import { runProgram } from '../program.ts'
import { offByOwner } from './off-by-owner.ts'

const asked = { action: 'run wc on web-1', peer: 'web-1', option: "--allow-exec 'PROGRAM ARGS'" }

it('a member that lacks the service is one whose owner does not allow it, and the option is named', () => {
  const thrown = new MeshError('unsupported', 'Cannot call exec.run: web-1 does not serve it')
  expect(offByOwner(thrown, asked)).toMatchObject({
    code: 'permission_denied',
    message: 'Cannot run wc on web-1: the owner of web-1 does not allow it',
    hint: expect.stringContaining("agent-mesh up --allow-exec 'PROGRAM ARGS'") as string,
    cause: thrown,
  })
})

it.each([
  new MeshError('unavailable', 'Cannot connect'),
  new Error('other'),
  // The owner of the other machine has nothing to do with these.
  new MeshError('unsupported', 'Cannot call: a relay runs in this context, and relays make no calls'),
  new MeshError('unsupported', 'Cannot stream: no agent runs in this context'),
  new MeshError('unsupported', 'Cannot ask for /v1/stream: the running process has no such request'),
  new MeshError('unsupported', 'Cannot talk to peer: it speaks versions 2'),
])('%s stays what it is', thrown => {
  expect(offByOwner(thrown, asked)).toBe(thrown)
})

it.each([
  [['exec', 'web-1', '--', 'wc'], 'run wc on web-1', "--allow-exec 'PROGRAM ARGS'"],
  [['logs', 'web-1'], 'read the log of web-1', '--allow-logs'],
  [['logs', 'web-1:/srv/log'], 'read /srv/log of web-1', '--allow-files DIR'],
  [['cp', 'web-1:/srv/log', '.'], 'reach files of web-1', '--allow-files DIR'],
])('%j tells which option allows it', async (args, action, option) => {
  const refused = new MeshError('unsupported', 'Cannot call it: web-1 does not serve it')
  const folder = await mkdtemp(join(tmpdir(), 'off-by-owner-'))
  const daemon: Partial<LocalDaemon> = {
    call: () => Promise.reject(refused),
    stream: () => {
      throw refused
    },
  }
  const server = await serveLocal(folder, daemon as LocalDaemon)
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const stdin = vi.spyOn(process, 'stdin', 'get').mockReturnValue(new PassThrough().end() as never)
  try {
    expect(await runProgram(['--data', folder, ...args])).toBe(exitCodes.denied)
    const text = said.mock.calls.join('')
    expect(text).toContain(`Cannot ${action}: the owner of web-1 does not allow it`)
    expect(text).toContain(`agent-mesh up ${option}`)
  } finally {
    said.mockRestore()
    stdin.mockRestore()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
})
