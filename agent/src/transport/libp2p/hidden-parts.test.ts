import { globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

/**
 * The versions in which hidden-parts.ts was read. Before one changes here: read those parts again in the new version, run the specs
 * of transport and relay, then write the same exact version into the package.json of agent and relay.
 */
const readIn: Record<string, string> = {
  libp2p: '3.3.11',
  '@libp2p/circuit-relay-v2': '4.2.13',
  '@libp2p/identify': '4.1.14',
  '@libp2p/tcp': '11.0.28',
  '@libp2p/utils': '7.4.1',
  '@libp2p/yamux': '8.0.3',
}

const checkout = join(import.meta.dirname, '..', '..', '..', '..')
const resolve = createRequire(import.meta.url).resolve
const json = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>

/** Searches upwards from the file that an import resolves to. */
function installed(name: string): unknown {
  for (let folder = dirname(resolve(name)); folder !== dirname(folder); folder = dirname(folder))
    try {
      const found = json(join(folder, 'package.json'))
      if (found['name'] === name) return found['version']
    } catch {
      // No package.json in this folder.
    }
  return undefined
}

describe('hidden parts of libp2p', () => {
  test.each(Object.entries(readIn))('%s is installed as it was read: %s', (name, version) => {
    expect(installed(name)).toBe(version)
  })

  test.each(['agent', 'relay'])('%s takes no other version of them than these', room => {
    const { dependencies } = json(join(checkout, room, 'package.json')) as {
      dependencies: Record<string, string>
    }
    const asked = Object.entries(dependencies).filter(([name]) => name in readIn)
    expect(asked.length).toBeGreaterThan(0)
    expect(asked).toEqual(asked.map(([name]) => [name, readIn[name]]))
  })

  test('are seen in hidden-parts.ts alone', () => {
    const files = globSync(['agent/src/transport/**/*.ts', 'relay/src/**/*.ts'], { cwd: checkout })
    const product = files.filter(file => !/\.test\.ts$|\/testing\//.test(file))
    const casting = product.filter(file =>
      readFileSync(join(checkout, file), 'utf8').includes('as unknown as'),
    )
    // These pass the components of a node to a service that declares fewer of them.
    expect(casting.sort()).toEqual([
      'agent/src/transport/upgrade/webrtc.ts',
      'relay/src/circuit/circuit-server.ts',
    ])
  })
})
