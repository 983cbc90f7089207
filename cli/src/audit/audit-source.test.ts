import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { auditSources } from './audit-source.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-source-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('auditSources() of a folder without logs', () => {
  it.each([
    [undefined, /has neither an audit log nor an admin key$/, /an agent, a relay or an admin with/],
    ['local' as const, /has no audit log$/, /an agent or a relay with/],
    ['control-plane' as const, /has no admin key$/, /the context of an admin with/],
  ])('says what is missing for --where %s', async (wished, message, hint) => {
    await expect(auditSources(folder, undefined, wished)).rejects.toMatchObject({
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    })
  })
})
