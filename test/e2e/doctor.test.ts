import { openMemberStore, type Agent } from '@agent-mesh/agent'
import { openSqliteStore } from '@agent-mesh/lambdas'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attackedMesh, type AttackedMesh } from '../support/attacked-mesh.ts'
import { commandFile, lastJson, runCommand } from '../support/command.ts'
import { claimsOf, forgeJws } from '../support/forged-jws.ts'

interface Line {
  check: string
  state: 'ok' | 'warn' | 'fail'
  found: string
  advice?: string
}

let mesh: AttackedMesh
let folder: string
const day = 24 * 3600

beforeAll(async () => {
  mesh = await attackedMesh()
})
afterAll(() => mesh.local.stop())

/** A member that was enrolled, ran once and is stopped. */
async function member(as: string): Promise<Agent> {
  folder = mesh.local.data(as)
  const agent = await mesh.local.agent({ name: as })
  await expect.poll(() => agent.status().controlPlane?.reachable).toBe(true)
  await agent.stop()
  return agent
}

async function doctor(
  data = folder,
): Promise<{ code: number | null; lines: Map<string, Line>; ok: unknown }> {
  const ran = await runCommand(['doctor', '--data', data, '--json'])
  const { checks, ok } = lastJson(ran) as { checks: Line[]; ok: boolean }
  for (const { state, advice, check } of checks)
    expect([check, advice === undefined]).toEqual([check, state === 'ok'])
  return { code: ran.code, ok, lines: new Map(checks.map(line => [line.check, line])) }
}

/** Gives the member a validly signed credential of these days, as if it had been offline since. */
async function issue(days: { iat: number; exp: number }): Promise<void> {
  const authority = await mesh.stolenKey('authority-key.json')
  const store = openMemberStore(join(folder, 'member.db'))
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    ...claimsOf(store.get('credential') ?? ''),
    iat: now + days.iat * day,
    exp: now + days.exp * day,
  }
  store.set(
    'credential',
    forgeJws({ alg: 'EdDSA', typ: 'membership+jwt', kid: authority.kid }, claims, authority),
  )
  store.close()
}

describe('agent-mesh doctor', () => {
  test('names a missing credential, and how to get one', async () => {
    const { code, ok, lines } = await doctor(mesh.local.data('nobody'))
    expect({ code, ok }).toEqual({ code: 1, ok: false })
    expect(lines.get('data folder')).toMatchObject({ state: 'fail' })
    expect(lines.get('credential')).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('missing'),
      advice: expect.stringContaining('--join TOKEN'),
    })
  })

  test('finds nothing wrong with a sound member but that nothing runs', async () => {
    await member('sound')
    const { code, lines } = await doctor()
    expect(code).toBe(0)
    expect([...lines.values()].filter(({ state }) => state === 'fail')).toEqual([])
    expect(lines.get('credential')).toMatchObject({
      state: 'ok',
      found: expect.stringContaining('valid for 21 d'),
    })
    expect(lines.get('enrolment')).toMatchObject({ state: 'ok' })
    expect(lines.get('copies')).toMatchObject({ state: 'ok' })
    expect(lines.get('process')).toMatchObject({
      state: 'warn',
      advice: expect.stringContaining('agent-mesh'),
    })
    const { stdout } = await runCommand(['doctor', '--data', folder])
    expect(stdout).toMatch(/^ok {4}credential {2,}valid for 21 d/m)
    expect(stdout).toMatch(/^warn {2}process .*\n +-> Start it: /m)
    expect(stdout.trimEnd().split('\n').length).toBeLessThan(40)
  })

  test('prints a line for each check that changes, until Ctrl-C', async () => {
    await member('watched')
    const args = ['doctor', '--watch', '1s', '--json', '--data', folder]
    const child = spawn(process.execPath, [commandFile, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    const lines = () => out.split('\n').slice(0, -1)
    try {
      await expect.poll(() => lines().length, { timeout: 60_000 }).toBeGreaterThan(0)
      expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ ok: true, checks: expect.any(Array) as unknown })
      await issue({ iat: -24, exp: -3 })
      await expect.poll(() => lines().slice(1).join(), { timeout: 60_000 }).toContain('"check":"credential"')
      const change = lines().find(line => line.includes('"check":"credential"') && line.includes('"was"'))
      expect(JSON.parse(change ?? '')).toMatchObject({ was: 'ok', state: 'fail', check: 'credential' })
      const exit = once(child, 'exit')
      child.kill('SIGINT')
      expect(await exit).toEqual([0, null])
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('names an expired credential, since when, and what happens next', async () => {
    await member('late')
    await issue({ iat: -24, exp: -3 })
    const { code, lines } = await doctor()
    expect(code).toBe(1)
    expect(lines.get('credential')).toMatchObject({
      state: 'fail',
      found: expect.stringMatching(/^expired 3 d ago \(\d{4}-/),
      advice: expect.stringMatching(/renews it until \d{4}-/),
    })
    await issue({ iat: -121, exp: -100 })
    expect((await doctor()).lines.get('credential')).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('cannot be renewed'),
      advice: expect.stringContaining('--join TOKEN'),
    })
  })

  test('names a credential that is nearly expired, and one that is not yet valid', async () => {
    await member('early')
    await issue({ iat: -18, exp: 3 })
    expect((await doctor()).lines.get('credential')).toMatchObject({
      state: 'warn',
      found: expect.stringContaining('nearly expired: ends in 3 d'),
    })
    await issue({ iat: 3, exp: 24 })
    const { code, lines } = await doctor()
    expect(code).toBe(1)
    expect(lines.get('credential')).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('not yet valid'),
    })
  })

  test('names a revoked credential, asking the control plane', async () => {
    const { peerId } = await member('out')
    const store = openSqliteStore({ file: join(mesh.local.folder, 'control-plane', 'control-plane.db') })
    await store.enrolments.revokeMember(peerId)
    await store.close()
    const { code, lines } = await doctor()
    expect(code).toBe(1)
    expect(lines.get('enrolment')).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('revoked'),
      advice: expect.stringContaining('up --join TOKEN'),
    })
  })

  test('names a cloned key: a record was published that was not signed here', async () => {
    await member('twin')
    const store = openMemberStore(join(folder, 'member.db'))
    store.set('incarnation', '1')
    store.close()
    const { code, lines } = await doctor()
    expect(code).toBe(1)
    expect(lines.get('copies')).toMatchObject({ state: 'fail', found: expect.stringContaining('cloned key') })
  })

  test('names a key that others may read, and a folder they may look into', async () => {
    await member('loose')
    await chmod(join(folder, 'identity.json'), 0o644)
    expect((await doctor()).lines.get('data folder')).toMatchObject({
      state: 'fail',
      advice: expect.stringContaining('chmod 600'),
    })
    await chmod(join(folder, 'identity.json'), 0o600)
    await chmod(folder, 0o755)
    const { code, lines } = await doctor()
    expect(code).toBe(0)
    expect(lines.get('data folder')).toMatchObject({ state: 'warn', advice: `chmod 700 ${folder}` })
  })

  test('of the folder of a control plane looks at that', async () => {
    const data = join(mesh.local.folder, 'control-plane')
    expect([...(await doctor(data)).lines.keys()]).toContain('process')
    await mkdir(mesh.local.data('empty'))
    expect((await doctor(mesh.local.data('empty'))).lines.get('credential')).toMatchObject({ state: 'fail' })
  })

  test('says how old its knowledge is when the control plane is away, and goes on', async () => {
    await member('alone')
    await mesh.local.stopControlPlane()
    const { code, lines } = await doctor()
    expect(code).toBe(0)
    expect(lines.get('control plane')).toMatchObject({
      state: 'warn',
      found: expect.stringMatching(/what this machine knows of the mesh is .* old/),
    })
    expect(lines.has('enrolment')).toBe(false)
    await mesh.local.restartControlPlane()
  })
})
