/** Where an upgrade looks, and what it makes of what it finds there. */
import { expect, test } from 'vitest'

import { releaseOf } from './find-release.ts'
import { notAFile } from './installed-program.ts'
import { checkPlace, foldersOf } from './release-place.ts'
import { compareVersions, isVersion } from './release-version.ts'

const site = 'https://releases.example.com'
const hub = 'https://github.com/owner/agent-mesh/releases'

test.each([
  // from, named, to, where
  [site, true, undefined, [`${site}/latest`, site]],
  [`${site}/`, true, '1.2.3', [`${site}/1.2.3`, `${site}/v1.2.3`, site]],
  [`${site}/1.2.3`, true, undefined, [`${site}/1.2.3`]],
  [`${site}/v1.2.3`, false, undefined, [`${site}/latest`]],
  [`${site}/1.2.3`, false, '1.2.4', [`${site}/1.2.4`, `${site}/v1.2.4`]],
  [`${site}/latest`, false, '1.2.4', [`${site}/1.2.4`, `${site}/v1.2.4`]],
  [`${hub}/download/v1.2.3`, true, undefined, [`${hub}/download/v1.2.3`]],
  [`${hub}/download/v1.2.3`, false, undefined, [`${hub}/latest/download`]],
  [`${hub}/latest/download`, true, '1.2.4', [`${hub}/download/v1.2.4`]],
  ['/mnt/releases', true, undefined, ['/mnt/releases/latest', '/mnt/releases']],
] as const)('releases of %s (named: %s), version %s', (from, named, to, where) => {
  expect(foldersOf({ from, named, to })).toEqual(where)
})

test('plain HTTP is for this machine alone, unless the checksum is known', () => {
  expect(() => checkPlace('http://releases.example.com', false)).toThrow('plain HTTP')
  expect(() => checkPlace('http://127.example.com', false)).toThrow('plain HTTP')
  for (const place of ['http://127.0.0.1:8000', 'http://[::1]/x', 'http://localhost', site, '/mnt'])
    expect(() => checkPlace(place, false)).not.toThrow()
  expect(() => checkPlace('http://releases.example.com', true)).not.toThrow()
})

test('versions come in the order of Semantic Versioning', () => {
  const ordered = ['1.0.0-1', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-rc.2', '1.0.0-rc.11']
  const all = [...ordered, '1.0.0', '1.0.10', '1.2.0', '10.0.0']
  expect([...all].reverse().sort(compareVersions)).toEqual(all)
  expect(['1.2', '1.2.3-', 'v1.2.3', '1.2.3+4', ''].filter(isVersion)).toEqual([])
})

test('SHA256SUMS names the version, and the file of this platform', () => {
  const sha256 = 'a'.repeat(64)
  const file = `agent-mesh-${process.platform}-${process.arch}.gz`
  const sums = `${sha256}  agent-mesh-1.2.3.tgz\n${sha256}  agent-mesh-agent-1.2.3.tgz\n${sha256} *${file}\n`
  expect(releaseOf('x', sums)).toEqual({ version: '1.2.3', folder: 'x', file, sha256 })
  expect(() => releaseOf('x', '<html>')).toThrow('does not name one release')
  expect(() => releaseOf('x', sums.replace(file, 'other.gz'))).toThrow(`the release has no ${file}`)
})

test.each([
  ['/home/ada/.npm/_npx/1/node_modules/agent-mesh/bin/agent-mesh.js', 'npx agent-mesh@latest'],
  ['/usr/lib/node_modules/agent-mesh/bin/agent-mesh.js', 'npm install --global agent-mesh@latest'],
  ['/srv/app/node_modules/agent-mesh/bin/agent-mesh.js', 'npm install agent-mesh@latest'],
  ['/src/agent-mesh/cli/bin/agent-mesh.js', 'git pull && npm ci'],
  ['/app/bin/agent-mesh.js', 'Install the package or image of the newer version'],
])('%s is not upgraded, and what does it instead is said', (script, instead) => {
  expect(notAFile(script)).toMatchObject({
    code: 'unsupported',
    hint: expect.stringContaining(instead) as string,
  })
})
