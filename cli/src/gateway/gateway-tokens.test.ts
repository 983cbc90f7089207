import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { GatewayTokens } from './gateway-tokens.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-tokens-'))
})
afterEach(() => rm(folder, { recursive: true }))

const init = { scope: { call: ['service:math.*'] }, lifetimeMs: 60_000 }

it.each(['browser', 'page'])(
  'a token has not the name %s, under which the owner is in audit logs',
  async app => {
    const tokens = new GatewayTokens(folder)
    await expect(tokens.create({ ...init, app })).rejects.toThrow(`the name ${app} is reserved`)
    expect(await tokens.list()).toEqual([])
  },
)

it('a token that got such a name from an earlier version is good, under its id', async () => {
  const { text, token } = await new GatewayTokens(folder).create({ ...init, app: 'robot' })
  const [name] = await readdir(join(folder, 'gateway-tokens'))
  const file = join(folder, 'gateway-tokens', name!)
  const stored = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...stored, app: 'browser' }))
  const tokens = new GatewayTokens(folder)
  expect(tokens.authenticate(text)).toMatchObject({ id: token.id, app: token.id })
  expect(await tokens.list()).toEqual([{ ...token, app: token.id }])
})
