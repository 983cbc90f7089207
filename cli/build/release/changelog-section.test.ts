import { expect, test } from 'vitest'

import { changelogSection } from './changelog-section.ts'
import { debianVersion } from './debian-package.ts'

const changelog = `# Changelog

## 1.1.0 (unreleased)

- Newer.

## 1.0.1

### Command

- A mend.

## 1.0.0

- The first.
`

test('a release tells of its own version', () => {
  expect(changelogSection(changelog, '1.0.1')).toBe('### Command\n\n- A mend.\n')
  expect(changelogSection(changelog, '1.0.0')).toBe('- The first.\n')
})

test('a version without a section tells of what is not yet released', () => {
  expect(changelogSection(changelog, '1.1.0-rc.1')).toBe('- Newer.\n')
})

test('a changelog with neither is refused', () => {
  expect(() => changelogSection('# Changelog\n\n## 1.0.0\n\n- The first.\n', '2.0.0')).toThrow(
    'has no section 2.0.0',
  )
})

test('a candidate comes before its version for dpkg', () => {
  expect(debianVersion('1.0.0-rc.1')).toBe('1.0.0~rc.1')
  expect(debianVersion('1.0.0')).toBe('1.0.0')
})
