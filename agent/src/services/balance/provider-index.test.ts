import { expect, it } from 'vitest'
import { ProviderIndex, type Place, type ProviderIndexInit } from './provider-index.ts'

type Member = ReturnType<ProviderIndexInit['map']['providers']>[number]

const member = (peerId: string, { region, zone }: Place = {}): Member =>
  ({ peerId, name: peerId, credential: { region }, record: { zone } }) as unknown as Member

function indexOf(members: Member[], place: Place = {}) {
  let readings = 0
  let changed: () => void = () => undefined
  const index = new ProviderIndex({
    self: 'self',
    registry: { serves: () => false },
    map: { providers: () => members, onChange: () => () => undefined, onForget: () => () => undefined },
    belief: {
      standing: () => 'good',
      onChange: listener => {
        changed = () => listener(undefined)
        return () => undefined
      },
    },
    place: () => place,
    now: () => (readings++, 0),
  })
  return { index, readings: () => readings, change: () => changed() }
}

it('lists the members of the own zone first, then those of the own region', () => {
  const eu = { region: 'eu' }
  const members = [
    member('far', { region: 'us', zone: 'a' }),
    member('near', { ...eu, zone: 'b' }),
    member('next', { ...eu, zone: 'a' }),
    member('unknown'),
  ]
  expect(indexOf(members, { ...eu, zone: 'a' }).index.of('math')).toMatchObject({
    good: ['next', 'near', 'far', 'unknown'],
    near: { zone: 1, region: 2 },
  })
  expect(indexOf(members, eu).index.of('math').near).toEqual({ zone: 0, region: 2 })
  expect(indexOf(members).index.of('math').near).toBeUndefined()
})

it('does not read the clock for a caller that has, and sorts again only when something changed', () => {
  const { index, readings, change } = indexOf([member('a')])
  const first = index.of('math', 10)
  expect(index.of('math', 900)).toBe(first)
  change()
  expect(index.of('math', 901)).not.toBe(first)
  expect(readings()).toBe(0)
  index.of('math')
  expect(readings()).toBe(1)
})
