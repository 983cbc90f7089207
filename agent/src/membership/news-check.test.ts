import type { News } from '@agent-mesh/protocol/wire/index'
import { signFarewell } from '@agent-mesh/protocol/farewell'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { TestMesh, type TestMember } from '../../../test/support/mesh-fixture.ts'
import { NewsCheck } from './news-check.ts'
import { proofOf } from './swim-proof.ts'

let mesh: TestMesh
let ada: TestMember
let known: Set<string>
let told: News[]
let learned: string[]
let ended: Set<string>
let check: NewsCheck

beforeEach(async () => {
  mesh = await TestMesh.create()
  ada = await mesh.member({ name: 'ada' })
  known = new Set([ada.peerId])
  told = []
  learned = []
  ended = new Set()
  check = new NewsCheck({
    self: 'self',
    keys: () => mesh.keys,
    isEnded: (_, serial) => ended.has(serial),
    learn: ({ peerId }) => Promise.resolve(learned.push(peerId)),
    isKnown: peerId => known.has(peerId),
    isNews: () => true,
    unixMs: () => mesh.now(),
    log: { debug: () => {} },
    onChecked: (_, news) => told.push(...news),
  })
})

const day = 86_400_000
async function alive(member: TestMember, by: TestMember, incarnation: number): Promise<News> {
  const [record, credential] = [await member.record({ incarnation }), await by.credential()]
  return { peerId: member.peerId, incarnation, state: 'alive', proof: proofOf({ record, credential }) }
}

/** What is believed of `news`: the check works through all in order, so the last of them says that it is done. */
async function believed(news: readonly News[]): Promise<News[]> {
  const last = { peerId: ada.peerId, incarnation: 7, state: 'dead' } as const
  check.take('bob', news)
  check.take('bob', [last])
  await vi.waitFor(() => expect(told).toContainEqual(last), 20_000)
  return told.filter(each => each.incarnation !== 7)
}

describe('NewsCheck', () => {
  test('believes a member that shows its record and credential, and puts it into the map', async () => {
    const eve = await mesh.member({ name: 'eve' })
    const news = await alive(eve, eve, 5)
    expect(await believed([news])).toEqual([news])
    await vi.waitFor(() => expect(learned).toEqual([eve.peerId]), 20_000)
  })

  test('believes nobody else that a member is alive, or left', async () => {
    const eve = await mesh.member({ name: 'eve' })
    const true5 = await alive(ada, ada, 5)
    const farewell = (member: TestMember) => signFarewell(member.signer, { incarnation: 5 })
    const left = { peerId: ada.peerId, incarnation: 5, state: 'left' } as const
    const false_ = [
      await alive(ada, eve, 5),
      { ...true5, incarnation: 6 },
      { ...true5, peerId: eve.peerId },
      { ...true5, proof: 'no document' },
      { ...left, proof: await farewell(eve) },
      { ...left, incarnation: 6, proof: await farewell(ada) },
    ]
    const good = { ...left, proof: await farewell(ada) }
    expect(await believed([...false_, good])).toEqual([good])
    expect(learned).toEqual([])
  })

  test('ignores deaths of members that are not known, and what comes from after tomorrow', async () => {
    const from = { incarnation: 5, state: 'dead' } as const
    const later = { peerId: ada.peerId, incarnation: mesh.now() + 2 * day, state: 'dead' } as const
    const own = { ...from, peerId: 'self' }
    expect(await believed([{ ...from, peerId: 'stranger' }, later, own])).toEqual([own])
  })

  test('ignores a member whose membership ended', async () => {
    ended.add(ada.serial)
    expect(await believed([await alive(ada, ada, 5)])).toEqual([])
  })
})
