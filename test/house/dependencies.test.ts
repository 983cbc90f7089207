import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const checkout = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(checkout, file), 'utf8')

/** `@agent-mesh/protocol` of `@agent-mesh/protocol/errors`. */
const packageOf = (specifier: string) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? ''

/** Packages that the product files of a room import, types included: a published type names them as well. */
function imported(room: string): string[] {
  const files = globSync(`${room}/{src,page}/**/*.ts`, { cwd: checkout }).filter(
    file => !/\.test\.ts$|\/testing\//.test(file),
  )
  const found = files.flatMap(file =>
    [...read(file).matchAll(/(?:^(?:import|export|\}) .*from |^import |import\()'([^'.][^']*)'/gm)].map(
      ([, specifier = '']) => packageOf(specifier),
    ),
  )
  return [...new Set(found)].filter(name => !name.startsWith('node:'))
}

test.each(['protocol', 'agent', 'relay', 'lambdas', 'cli'])(
  '%s depends on what it imports, and on nothing else',
  room => {
    const { dependencies = {}, peerDependencies = {} } = JSON.parse(read(`${room}/package.json`)) as {
      dependencies?: Record<string, string>
      peerDependencies?: Record<string, string>
    }
    expect(Object.keys({ ...dependencies, ...peerDependencies }).sort()).toEqual(imported(room).sort())
  },
)
