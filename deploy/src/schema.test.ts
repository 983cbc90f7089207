import { expect, test } from 'vitest'
import { checkSchema } from './schema.ts'

test.each([
  [{ sqlite: 5 }, { sqlite: 5 }, false, true],
  [{ sqlite: 6 }, { sqlite: 5 }, true, true],
  // An older release does not say.
  [{ sqlite: 6 }, undefined, false, false],
  [undefined, { sqlite: 5 }, false, false],
])('accepts schema %j after %j, with --migrate: %s; compared: %s', (wanted, before, migrate, compared) => {
  expect(checkSchema(wanted, before, migrate)).toBe(compared)
})

test('refuses a newer schema without --migrate: what runs could not be put back', () => {
  const refused = () => checkSchema({ sqlite: 5, postgres: 8 }, { sqlite: 5, postgres: 7 }, false)
  expect(refused).toThrow('it changes schema 7 of postgres to 8')
})

test('refuses an older schema whatever was accepted', () => {
  expect(() => checkSchema({ sqlite: 4 }, { sqlite: 5 }, true)).toThrow('it reads schema 4 of sqlite')
})
