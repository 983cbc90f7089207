/** The files of a new service project: a contract, its handlers, a test on a test mesh. Node runs them as they are. */
import { version } from '@agent-mesh/protocol/version'

export interface Project {
  /** Of the package. */
  readonly name: string
  /** Of the service: `orders`, `shop.orders`. */
  readonly service: string
}

/** By path in the folder of the project. */
export function projectFiles(project: Project): Record<string, string> {
  const { service } = project
  return {
    'package.json': `${JSON.stringify(manifestOf(project), null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify(tsconfig, null, 2)}\n`,
    '.gitignore': 'node_modules/\n',
    'README.md': readme(project),
    'src/contract.ts': contract(service),
    'src/service.ts': handlers,
    'test/service.test.ts': test,
  }
}

const manifestOf = ({ name }: Project) => ({
  name,
  version: '0.1.0',
  private: true,
  type: 'module',
  engines: { node: '>=24' },
  scripts: {
    start: 'agent-mesh up --serve src/service.ts',
    dev: 'agent-mesh up --serve src/service.ts --watch',
    test: 'node --test',
    check: 'tsc',
  },
  dependencies: { '@agent-mesh/agent': `^${version}`, zod: '^4.0.0' },
  devDependencies: { '@types/node': '^24.0.0', 'agent-mesh': `^${version}`, typescript: '~6.0.0' },
})

const tsconfig = {
  compilerOptions: {
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
  },
  include: ['src', 'test'],
}

const readme = ({ name, service }: Project): string => `# ${name}

The service \`${service}\` of a mesh.

| command | does |
|---|---|
| \`npm test\` | runs the tests, on a mesh inside the process |
| \`npm run check\` | checks the types |
| \`npm start\` | starts an agent that serves it |
| \`npm run dev\` | the same, and reloads it when a file changes |

The first start needs a join token: \`AGENT_MESH_JOIN=TOKEN npm start\`. Then, from here or any machine of the mesh:

    npx agent-mesh call ${service}.greet -f name=Ada
`

const contract = (
  service: string,
): string => `/** What callers and handlers agree on. Callers import this file alone. */
import { defineService } from '@agent-mesh/agent'
import * as z from 'zod'

export const contract = defineService({
  name: '${service}',
  version: 1,
  methods: {
    greet: {
      about: 'Greets by name.',
      params: z.object({ name: z.string().min(1).max(100) }),
      result: z.object({ text: z.string() }),
      effects: 'read',
      errors: { not_welcome: z.object({ name: z.string() }) },
    },
  },
})
`

const handlers = `import { implementService } from '@agent-mesh/agent'
import { contract } from './contract.ts'

export const service = implementService(contract, {
  greet({ name }, context) {
    if (name === 'Mallory') throw context.error('not_welcome', { name }, \`\${name} is not welcome\`)
    return { text: \`Hello, \${name}.\` }
  },
})
`

const test = `import { isErrorOf } from '@agent-mesh/agent'
import { createTestMesh } from '@agent-mesh/agent/testing'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contract } from '../src/contract.ts'
import { service } from '../src/service.ts'

function openMesh() {
  const mesh = createTestMesh()
  mesh.agent('server').serve(service)
  return mesh.agent('client').service(contract)
}

test('it greets by name', async () => {
  const { greet } = openMesh()
  assert.deepEqual(await greet({ name: 'Ada' }), { text: 'Hello, Ada.' })
})

test('it refuses with an error that callers can tell apart', async () => {
  const { greet } = openMesh()
  await assert.rejects(greet({ name: 'Mallory' }), error => isErrorOf(contract, 'greet', error))
})

test('it checks what it is called with', async () => {
  const { greet } = openMesh()
  await assert.rejects(greet({ name: '' }), { code: 'invalid_argument' })
})
`
