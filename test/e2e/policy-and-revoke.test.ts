import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'

import { lastJson, openWorkshop, runCommand, type Daemon, type Workshop } from '../support/command.ts'

let workshop: Workshop
let controlPlane: Daemon
let agent: Daemon

const admin = (...args: string[]) => runCommand([...args, '--data', controlPlane.data])

beforeAll(async () => {
  workshop = await openWorkshop()
  controlPlane = await workshop.start('cp', ['control-plane', '--listen', '127.0.0.1:0'])
  const { token } = lastJson(await admin('token', 'create', '--json')) as { token: string }
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0']
  agent = await workshop.start('web', ['up', '--join', token, '--name', 'web-1', ...listen])
  const explained = async () =>
    expect(await admin('policy', 'explain', 'web-1', 'call', 'service:math.add')).toMatchObject({ code: 0 })
  await vi.waitFor(explained, { timeout: 30_000, interval: 200 })
})
afterAll(() => workshop.end())

interface File {
  number: number
  grants: object[]
  tests: object[]
}

const saveText = async (name: string, text: string): Promise<string> => {
  const path = join(controlPlane.data, name)
  await writeFile(path, text)
  return path
}
const save = (name: string, file: object): Promise<string> => saveText(name, JSON.stringify(file))

describe('agent-mesh policy', () => {
  it('get prints what set takes; test and set hold it to its own tests; a dry run tells who loses what', async () => {
    const file = JSON.parse((await admin('policy', 'get')).stdout) as File
    expect(file).toMatchObject({ number: 1, grants: [{ from: ['role:agent', 'role:admin'] }, {}] })
    const test = { from: 'role:agent', action: 'call', to: 'service:math.add', expect: 'deny' }
    const failing = await save('failing.json', { ...file, tests: [test] })
    const tested = await runCommand(['policy', 'test', failing])
    expect(tested).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('fails role:agent call service:math.add'),
    })
    expect(await admin('policy', 'set', failing)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('tests fail'),
    })

    const closed = await save('closed.json', { ...file, grants: file.grants.slice(1), tests: [test] })
    const dry = await admin('policy', 'set', closed, '--dry-run')
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/web-1 +- +call service:\*/) })
    expect(dry.stdout).toContain('Nothing was written.')
    expect(lastJson(await admin('policy', 'set', closed, '--json'))).toEqual({ number: 2, written: true })
    const rival = await admin('policy', 'set', closed)
    expect(rival).toMatchObject({ code: 8, stderr: expect.stringContaining('2 is in force') })
  })

  it('a file may be YAML without tests; what can never count is warned of, with its line', async () => {
    const yaml = await saveText(
      'warned.yaml',
      `grants:
  - { from: [role:agent], to: ['service:*'], allow: [call] }
  - { from: [role:agnet], to: [service:nothing.*], allow: [call, manage] }
  - { from: [role:agent], to: [service:host.info], allow: [call] }
`,
    )
    const dry = await admin('policy', 'set', yaml, '--dry-run', '--force')
    expect(dry.code).toBe(0)
    for (const warning of [
      "line 3, column 66: grants.1.allow.1: 'manage' is asked of none of its targets",
      'line 4, column 5: grants.2: adds nothing: grants.0 allows all of it',
      'line 3, column 14: grants.1.from.0: no member of the map has role:agnet now',
      'grants.1.to.0: no member of the map serves service:nothing.* now',
    ])
      expect(dry.stdout).toContain(warning)
    const broken = await saveText('broken.yaml', 'grants:\n  - { from: [role:a], to: [x], allow: [call] }\n')
    expect(await admin('policy', 'test', broken)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('line 2, column 28: grants.0.to.0: is not a target') as string,
    })
  })

  it('explain names the grant, or what is missing, and says it in its exit code', async () => {
    const denied = await admin('policy', 'explain', 'web-1', 'call', 'service:math.add')
    expect(denied.code).toBe(9)
    expect(denied.stdout).toMatch(/^denied: no grant is for any of .*role:agent/)
    const allowed = await admin('policy', 'explain', 'role:admin', 'manage', 'admin:tokens', '--json')
    expect([allowed.code, lastJson(allowed)]).toMatchObject([0, { allowed: true, by: { index: 0 } }])
    expect(await admin('policy', 'explain', 'nobody', 'call', 'service:x')).toMatchObject({ code: 7 })
  })
})

describe('agent-mesh revoke', () => {
  it('asks first, and without a terminal wants --yes', async () => {
    expect(await admin('revoke', 'web-1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    })
  })

  it('puts a member out by name, and lists it', async () => {
    const revoked = lastJson(await admin('revoke', 'web-1', '--yes', '--json'))
    expect(revoked).toMatchObject({ name: 'web-1', number: 2 })
    const list = await admin('revocations')
    expect(list.stdout).toMatch(new RegExp(`${String(revoked['peerId'])} +20..-`))
  })

  it('knows nobody of another name', async () => {
    expect(await admin('revoke', 'nobody', '--yes')).toMatchObject({ code: 7 })
  })
})

describe('agent-mesh admin rotate-key', () => {
  const audited = async () => (await admin('audit', 'export')).stdout

  it('introduces a new authority key over the local socket, and not another before that one signs', async () => {
    const rotated = lastJson(await admin('admin', 'rotate-key', '--json'))
    expect(rotated).toMatchObject({ kid: expect.stringMatching(/^[\w-]{43}$/), revoked: [] })
    expect(Date.parse(String(rotated['signsAt']))).toBeGreaterThan(Date.now())
    // Repeated, it continues with the same key.
    expect(lastJson(await admin('admin', 'rotate-key', '--json'))).toEqual(rotated)
    expect((await audited()).match(/"what":"key.rotate"/g)).toHaveLength(1)
  })

  it('revokes all keys of before, and the mesh goes on', async () => {
    const { kid, revoked } = lastJson(await admin('admin', 'rotate-key', '--revoke', '--json'))
    expect(revoked).toHaveLength(2)
    expect(revoked).not.toContain(kid)
    expect(await audited()).toContain('"what":"key.revoke"')
    expect(await admin('policy', 'explain', 'role:admin', 'manage', 'admin:x')).toMatchObject({ code: 0 })
  })

  it('says where it is to be asked', async () => {
    expect(await runCommand(['admin', 'rotate-key', '--data', agent.data])).toMatchObject({
      stderr: expect.stringContaining('no control plane runs in this context'),
    })
    expect(await admin('admin', 'rotate-key', '--stack', 'Prod')).toMatchObject({ code: 2 })
  })
})
