import { expect, test } from 'vitest'
import { searchName } from './free-name.ts'

/** The name found, and for how many it asked in how many turns. */
async function search(wish: string, taken: ReadonlySet<string>) {
  let [asked, turns] = [0, 0]
  const name = await searchName(wish, names => {
    asked += names.length
    turns++
    return Promise.resolve(new Set(names.filter(each => taken.has(each))))
  })
  return { name, asked, turns }
}
const numbered = (wish: string, last: number) =>
  new Set([wish, ...Array.from({ length: last - 1 }, (_, i) => `${wish}-${i + 2}`)])

test('a name that is free takes one question, whatever else there is', async () => {
  expect(await search('ip-10-9-9-9', numbered('ip', 5_000))).toEqual({
    name: 'ip-10-9-9-9',
    asked: 1,
    turns: 1,
  })
})

test.each([1, 2, 8, 9, 10, 15, 16, 17, 100, 1_023, 5_000, 70_000])(
  'of %i members with the same wish the next one gets the next number, with few questions',
  async members => {
    const { name, asked, turns } = await search('pi', numbered('pi', members))
    expect(name).toBe(`pi-${members + 1}`)
    expect(asked).toBeLessThanOrEqual(80)
    expect(turns).toBeLessThanOrEqual(10)
  },
)

test('a name found among holes is free', async () => {
  const taken = new Set([...numbered('pi', 40)].filter((_, i) => i % 7 !== 6))
  const { name } = await search('pi', taken)
  expect(taken).not.toContain(name)
})

test('the wish is shortened where the number needs room', async () => {
  const long = 'a'.repeat(63)
  expect((await search(long, new Set([long]))).name).toBe(`${'a'.repeat(61)}-2`)
})
