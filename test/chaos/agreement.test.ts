import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { agreement } from './agreement.ts'
import type { ChaosMember } from './chaos-mesh.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agreement-'))
})
afterEach(() => rm(folder, { recursive: true }))

const jws = (claims: object) => `.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.`

/** One that lists the other as online, and holds this incarnation of `a`. */
async function memberThat(name: string, other: string, incarnation: number) {
  const data = await mkdtemp(join(folder, name))
  const database = new DatabaseSync(join(data, 'member.db'))
  database.exec('CREATE TABLE map (record TEXT, credential TEXT, gone INTEGER)')
  database.prepare('INSERT INTO map VALUES (?, ?, NULL)').run(jws({ incarnation }), jws({ name: 'a' }))
  database.close()
  return { name, data, api: { peers: () => Promise.resolve([{ name: other, online: true }]) } }
}

const agreementOf = (...members: object[]) => agreement(members as ChaosMember[], 0)

it('members agree when all list all and hold the same incarnations', async () => {
  const [a, b] = [await memberThat('a', 'b', 7), await memberThat('b', 'a', 7)]
  expect(await agreementOf(a, b)).toEqual({
    agreedMs: expect.any(Number) as number,
    beliefs: [
      { name: 'a', online: ['a', 'b'], incarnations: { a: 7 } },
      { name: 'b', online: ['b', 'a'], incarnations: { a: 7 } },
    ],
  })
  expect(await agreementOf(a, await memberThat('b', 'a', 8))).toMatchObject({ agreedMs: undefined })
})

it('a member that is just starting does not agree, and ends no run', async () => {
  const starting = {
    name: 'a',
    data: '/no such folder',
    api: { peers: () => Promise.reject(new Error('refused')) },
  }
  expect(await agreementOf(starting, starting)).toEqual({
    agreedMs: undefined,
    beliefs: [0, 1].map(() => ({ name: 'a', online: ['a'], incarnations: {} })),
  })
})
