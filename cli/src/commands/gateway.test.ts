import { openMemberStore } from '@agent-mesh/agent/membership/member-store'
import { MeshError } from '@agent-mesh/protocol/errors'
import { redactText } from '@agent-mesh/protocol/redact'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { exitCodes } from '../exit-codes.ts'
import { callerOf, checkScope } from '../gateway/caller.ts'
import { GatewayTokens } from '../gateway/gateway-tokens.ts'
import type { ScopeAction } from '../gateway/scope.ts'
import { runProgram } from '../program.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What a refusal advises. */
function hintOf(ask: () => unknown): string {
  try {
    ask()
  } catch (thrown) {
    return (thrown as MeshError).hint ?? ''
  }
  throw new Error('it was not refused')
}

it.each<[ScopeAction, string]>([
  ['call', 'service:math.add'],
  ['call', 'tool:notes.read_note'],
  ['connect', 'port:ssh'],
  ['publish', 'topic:alerts.disk'],
  ['subscribe', 'topic:alerts.*'],
  ['serve', 'service:math.add'],
])(
  'a scope that does not cover %s %s is refused with a command that makes a token for it',
  async (act, to) => {
    const caller = callerOf({ id: 'x', app: 'grafana', scope: {} }, () => undefined)
    const hint = hintOf(() => checkScope({ recordDenial: () => undefined }, caller, act, to))
    const [, advised = ''] = /"agent-mesh (.*)"/.exec(hint) ?? []
    const args = advised.split(' ').map(word => word.replaceAll("'", ''))
    vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    await writeFile(join(folder, 'member.db'), '')
    expect(await runProgram([...args, '--data', folder])).toBe(exitCodes.ok)
    expect(await new GatewayTokens(folder).list()).toMatchObject([{ scope: { [act]: [to] } }])
  },
)

it('what a request without a token is told is readable: it is not taken for a secret', () => {
  const hint = hintOf(() => new GatewayTokens(folder).authenticate(undefined))
  expect(redactText(hint)).toBe(hint)
})

it('a token for a folder that no agent has used is refused: it would never work', async () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const create = ['gateway', 'token', 'create', '--call', 'service:math.*', '--data']
  expect(await runProgram([...create, join(folder, 'mistyped')])).toBe(exitCodes.nothingRunning)
  await writeFile(join(folder, 'root-key.json'), '{}')
  expect(await runProgram([...create, folder])).toBe(exitCodes.nothingRunning)
  expect(said.mock.calls.join()).toContain('which is of: control plane')
  const store = openMemberStore(join(folder, 'member.db'))
  store.set('credential', `.${Buffer.from('{"roles":["relay"]}').toString('base64url')}.`)
  store.close()
  expect(await runProgram([...create, folder])).toBe(exitCodes.nothingRunning)
  expect(said.mock.calls.join()).toContain('which is of: control plane, relay')
  said.mockRestore()
  expect(await new GatewayTokens(folder).list()).toEqual([])
})
