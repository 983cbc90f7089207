import type { MeshError } from '@agent-mesh/protocol'
import * as z from 'zod/mini'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineService, implementService } from '../services/index.ts'
import { createTestMesh, type TestMesh } from './index.ts'
import { toldTo, type MemberAudit } from '../member/member-audit.ts'

const vault = defineService({
  name: 'vault',
  version: 1,
  methods: { open: { params: z.undefined(), result: z.string() } },
})
const refusal = (work: Promise<unknown>): Promise<MeshError> =>
  work.then(
    () => expect.fail('it did not fail'),
    (error: MeshError) => error,
  )

describe('a service that its owner opens for some members', () => {
  let mesh: TestMesh
  beforeEach(() => {
    mesh = createTestMesh()
    mesh
      .agent('box')
      .serve(implementService(vault, { open: () => 'opened' }, { allow: ['tag:ops', 'name:owner'] }))
  })
  afterEach(() => mesh.stop())
  const agents = () => [
    mesh.agent('ops-1', { tags: ['ops'] }),
    mesh.agent('owner'),
    mesh.agent('other', { tags: ['dev'] }),
  ]

  it('answers those, and tells another one that the owner does not allow it', async () => {
    const [ops, owner, other] = agents()
    expect(await ops!.ask('vault.open')).toMatchObject({ value: 'opened' })
    expect(await owner!.ask('vault.open')).toMatchObject({ value: 'opened' })
    expect(await refusal(other!.ask('vault.open'))).toMatchObject({
      code: 'permission_denied',
      message: expect.stringMatching(
        /the owner of that machine opened it for tag:ops, name:owner only/,
      ) as string,
      hint: expect.stringContaining('name:other') as string,
      notStarted: true,
    })
    mesh.setPolicy({ grants: [], tests: [] })
    expect((await refusal(ops!.ask('vault.open'))).message).toContain('the policy')
  })

  it('is not described, nor named in a hint, to another one', async () => {
    const [ops, , other] = agents()
    const only = { service: 'vault' }
    const methods = [{ name: 'open' }]
    expect(await ops!.ask('host.describe', only, { peer: 'box' })).toMatchObject({
      value: { services: [{ service: 'vault@1', methods }] },
    })
    expect((await other!.ask('host.describe', only, { peer: 'box' })).value).toEqual({ services: [] })
    expect((await refusal(ops!.ask('vault.opn', undefined, { peer: 'box' }))).hint).toContain('vault.open')
    expect((await refusal(other!.ask('vault.opn', undefined, { peer: 'box' }))).hint).toBeUndefined()
  })

  it('is refused with what is no selector, which would let no member in', () => {
    expect(() =>
      mesh.agent('box-2').serve({ ...implementService(vault, { open: () => '' }, { allow: ['ops'] }) }),
    ).toThrow("'ops' is not a selector")
  })
})

it('a refusal is on record, and says whether it was of the owner', () => {
  const entries: unknown[] = []
  const audit = {
    denied: (entry: unknown) => void entries.push(entry),
    toolCalled: (entry: unknown) => void entries.push(entry),
  } as unknown as MemberAudit
  const authorize = toldTo(({ to }) => {
    if (to === 'tool:fs.secret') throw new Error('the policy denies it')
  }, audit)
  const from = { sub: 'p', name: 'desk', roles: [], tags: ['dev'] }
  const ask =
    (tool: string, ...allow: string[]) =>
    () =>
      authorize({ from, action: 'call', to: `tool:fs.${tool}`, app: 'mcp:claude', allow })
  expect(ask('read', 'tag:ops')).toThrow('owner')
  expect(ask('secret', 'tag:ops')).toThrow('policy')
  expect(ask('read', 'tag:dev')).not.toThrow()
  expect(entries).toMatchObject([
    { by: 'owner', to: 'tool:fs.read', app: 'mcp:claude' },
    { by: undefined, to: 'tool:fs.secret' },
    { to: 'tool:fs.read', app: 'mcp:claude' },
  ])
})
