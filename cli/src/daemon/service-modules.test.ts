import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

let folder = ''
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'modules-'))))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** How a process of Node loads modules with these texts, without their folder; vitest would load them in its own way. */
async function outcomes(modules: readonly (readonly [string, string | undefined])[]): Promise<string[]> {
  for (const [name, text] of modules) if (text !== undefined) await writeFile(join(folder, name), text)
  const script = `
    import { loadServices } from ${JSON.stringify(join(import.meta.dirname, 'service-modules.ts'))}
    for (const name of process.argv.slice(1))
      console.log(await loadServices([name]).then(
        services => services.length + ' served',
        ({ code, message, hint }) => [code, message, hint].join(': ')))`
  const args = ['--input-type=module', '-e', script, '--', ...modules.map(([name]) => name)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder })
  return stdout.trimEnd().split('\n')
}

const schema = `const any = {'~standard': {version: 1, vendor: 'x', validate: value => ({value})}};`
const service = (contract: string, handlers: string) =>
  `${schema} export const one = {contract: ${contract}, handlers: ${handlers}}`

/** Name, text, and the expected error. */
const faults: readonly (readonly [string, string | undefined, string])[] = [
  ['none.ts', undefined, 'not_found: Cannot serve none.ts: there is no such file'],
  ['text.txt', 'hello', 'invalid_argument: Cannot serve text.txt: it is no module that Node loads'],
  [
    'bad.ts',
    '\nconst a: number =;',
    'Cannot serve bad.ts: its syntax is wrong: Expression expected (line 2): To see where, in the module or one that it imports: node bad.ts',
  ],
  [
    'enum.ts',
    'enum A { B }',
    'TypeScript enum is not supported in strip-only mode (line 1): Types are stripped',
  ],
  ['import.ts', `import 'not-installed'`, 'it imports not-installed, which is not installed'],
  [
    'named.ts',
    `import { nope } from 'node:fs'`,
    `does not provide an export named 'nope' (line 1): To see where`,
  ],
  [
    'throws.ts',
    `throw new Error('no database\\nat all')`,
    'it failed while it was loaded: no database: To see where, in the module or one that it imports: node throws.ts',
  ],
  ['empty.ts', 'export default 1', 'invalid_argument: Cannot serve empty.ts: it exports no service'],
  [
    'contract.mjs',
    `export default {name: 'math', methods: {}}`,
    `It exports the contract 'math' without handlers`,
  ],
  [
    'name.mjs',
    service(`{name: 'M', version: 1, methods: {}}`, '{}'),
    `service 'M': its name is not lower-case`,
  ],
  [
    'params.mjs',
    service(`{name: 'm', version: 1, methods: {a: {result: any}}}`, '{}'),
    `service 'm': its method 'a' has no params: Give a schema of a library`,
  ],
  [
    'word.mjs',
    service(`{name: 'm', version: 1, methods: {a: {params: any, result: any, timout: 5}}}`, '{a: () => 1}'),
    `service 'm': its method 'a' has the unknown word 'timout': Did you mean timeout?`,
  ],
  [
    'handler.mjs',
    service(`{name: 'm', version: 1, methods: {a: {params: any, result: any}}}`, '{}'),
    `service 'm': method 'a' has no handler`,
  ],
]

test('a service is found under any name, once', async () => {
  const text = service(`{name: 'm', version: 1, methods: {a: {params: any, result: any}}}`, '{a: () => 1}')
  expect(await outcomes([['good.mjs', `${text}; export default one`]])).toEqual(['1 served'])
})

test('a module that cannot be served is named with what is wrong in it', async () => {
  const told = await outcomes(faults.map(([name, text]) => [name, text]))
  expect(told).toEqual(faults.map(([, , reason]) => expect.stringContaining(reason) as string))
})
