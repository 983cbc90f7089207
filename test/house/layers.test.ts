import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { layerRules } from './layer-rules.ts'
import { layerViolations, type LayerViolation } from './layers.ts'

/** One forbidden import per rule: the file that commits it and what it contains. */
const planted: Record<string, { file: string; text: string }> = {
  'room-protocol': { file: 'protocol/src/p.ts', text: `import '@agent-mesh/agent'` },
  'room-agent': { file: 'agent/src/a.ts', text: `import '@agent-mesh/relay'` },
  'room-relay': { file: 'relay/src/r.ts', text: `import '@agent-mesh/lambdas'` },
  'room-lambdas': { file: 'lambdas/src/l.ts', text: `import '@agent-mesh/agent'` },
  'room-cli': { file: 'cli/src/c.ts', text: `import '@agent-mesh/infra'` },
  'room-infra': { file: 'infra/src/i.ts', text: `import '@agent-mesh/lambdas'` },
  'room-deploy': { file: 'deploy/src/d.ts', text: `import '@agent-mesh/lambdas'` },
  'agent-core': { file: 'agent/src/core/x.ts', text: `import '../observe/ok.ts'` },
  'agent-identity': { file: 'agent/src/identity/x.ts', text: `import '../transport/ok.ts'` },
  'agent-observe': { file: 'agent/src/observe/x.ts', text: `import '../rpc/ok.ts'` },
  'agent-transport': { file: 'agent/src/transport/x.ts', text: `import '../rpc/ok.ts'` },
  'agent-rpc': { file: 'agent/src/rpc/x.ts', text: `import '../membership/ok.ts'` },
  'agent-membership': { file: 'agent/src/membership/x.ts', text: `import '../discovery/ok.ts'` },
  'agent-discovery': { file: 'agent/src/discovery/x.ts', text: `import '../paths/ok.ts'` },
  'agent-paths': { file: 'agent/src/paths/x.ts', text: `import '../services/ok.ts'` },
  'agent-services': { file: 'agent/src/services/x.ts', text: `import '../health/ok.ts'` },
  'agent-topics': { file: 'agent/src/topics/x.ts', text: `import '../member/ok.ts'` },
  'agent-health': { file: 'agent/src/health/x.ts', text: `import '../member/ok.ts'` },
  'agent-tuning': { file: 'agent/src/tuning/x.ts', text: `import '../agent/ok.ts'` },
  'agent-member': { file: 'agent/src/member/x.ts', text: `import '../agent/ok.ts'` },
  'agent-agent': { file: 'agent/src/agent/x.ts', text: `import '../gateway/ok.ts'` },
  'agent-gateway': { file: 'agent/src/gateway/x.ts', text: `import '../index.ts'` },
  'agent-testing': { file: 'agent/src/testing/x.ts', text: `import '../index.ts'` },
  'lambdas-files': { file: 'lambdas/src/files/x.ts', text: `import '../store/ok.ts'` },
  'lambdas-store': { file: 'lambdas/src/store/x.ts', text: `import '../domain/ok.ts'` },
  'lambdas-domain': { file: 'lambdas/src/domain/x.ts', text: `import '../routes/ok.ts'` },
  'lambdas-signer': { file: 'lambdas/src/signer/x.ts', text: `import '../hosts/ok.ts'` },
  'lambdas-routes': { file: 'lambdas/src/routes/x.ts', text: `import '../hosts/ok.ts'` },
  'lambdas-hosts': { file: 'lambdas/src/hosts/x.ts', text: `import '../operator/ok.ts'` },
  'rooms-by-name': { file: 'relay/src/relative.ts', text: `import '../../protocol/src/index.ts'` },
  'package-roots-only': { file: 'test/deep.test.ts', text: `import '@agent-mesh/agent/rpc/ok'` },
  'libp2p-at-the-edge': { file: 'agent/src/membership/net.ts', text: `import '@libp2p/tcp'` },
  'local-commands-stay-light': {
    file: 'cli/src/commands/status.ts',
    text: `import '../../../relay/src/net.ts'`,
  },
  'protocol-does-no-io': { file: 'protocol/src/disk.ts', text: `import 'node:fs/promises'` },
  'no-cycles': { file: 'lambdas/src/one.ts', text: `import './two.ts'` },
  'no-orphans': { file: 'protocol/src/alone.ts', text: `export const alone = 1` },
  'no-tests-in-source': { file: 'lambdas/src/three.ts', text: `import './three.test.ts'` },
  'declared-packages': { file: 'lambdas/src/four.ts', text: `import 'undeclared'` },
  resolvable: { file: 'lambdas/src/five.ts', text: `import './nowhere.ts'` },
  'one-file-per-driver': { file: 'lambdas/src/second-sqlite.ts', text: `import 'node:sqlite'` },
}

const allowed: Record<string, string> = {
  'lambdas/src/two.ts': `import './one.ts'`,
  'lambdas/src/three.test.ts': '',
  'lambdas/src/sqlite.ts': `import 'node:sqlite'`,
  'relay/src/net.ts': `import '@libp2p/tcp'`,
  'agent/src/transport/net.ts': `import '@libp2p/tcp'\nimport '../identity/ok.ts'\nimport '@agent-mesh/protocol/ok'`,
  'cli/src/commands/up.ts': `import '@agent-mesh/relay'`,
  'test/root.test.ts': `import '@agent-mesh/agent'\nimport '@agent-mesh/protocol'`,
}

const rooms = ['protocol', 'agent', 'relay', 'lambdas', 'cli', 'infra']
const lambdasFolders = ['store', 'domain', 'routes', 'hosts', 'operator']
const agentFolders = [
  ...['core', 'identity', 'observe', 'transport', 'rpc', 'membership', 'discovery', 'paths', 'services'],
  ...['health', 'member', 'agent', 'gateway', 'testing'],
]

let root = ''
let violations: LayerViolation[] = []

async function plant(path: string, text: string) {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), `${text}\nexport const x = 0\n`)
}

async function plantHouse() {
  await writeFile(
    join(root, 'package.json'),
    JSON.stringify({ name: 'house', workspaces: rooms, type: 'module' }),
  )
  await mkdir(join(root, 'node_modules/@agent-mesh'), { recursive: true })
  for (const room of rooms) {
    await plant(`${room}/src/index.ts`, `import './ok.ts'`)
    await plant(`${room}/src/ok.ts`, '')
    const exports = { '.': './src/index.ts', './*': './src/*.ts' }
    const dependencies = {
      '@libp2p/tcp': '1.0.0',
      ...Object.fromEntries(rooms.map(name => [`@agent-mesh/${name}`, '*'])),
    }
    await writeFile(
      join(root, room, 'package.json'),
      JSON.stringify({ name: `@agent-mesh/${room}`, type: 'module', exports, dependencies }),
    )
    await symlink(join('..', '..', room), join(root, 'node_modules/@agent-mesh', room))
  }
  for (const folder of agentFolders) await plant(`agent/src/${folder}/ok.ts`, '')
  for (const folder of lambdasFolders) await plant(`lambdas/src/${folder}/ok.ts`, '')
  for (const name of ['@libp2p/tcp', 'undeclared']) {
    await plant(`node_modules/${name}/index.js`, '')
    await writeFile(
      join(root, 'node_modules', name, 'package.json'),
      JSON.stringify({ name, type: 'module', exports: './index.js' }),
    )
  }
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'layers-'))
  await plantHouse()
  for (const [path, text] of Object.entries(allowed)) await plant(path, text)
  for (const { file, text } of Object.values(planted)) await plant(file, text)
  violations = await layerViolations(root)
})

afterAll(() => rm(root, { recursive: true, force: true }))

describe('the layer check', () => {
  it.each(Object.entries(planted))('catches a violation of %s', (rule, { file }) => {
    expect(violations.filter(found => found.rule === rule).map(({ from }) => from)).toContain(file)
  })

  it('says how to mend each violation', () => {
    expect(violations.filter(({ mend }) => mend.length < 20)).toEqual([])
  })

  it('leaves allowed imports alone', () => {
    const innocent = [
      'agent/src/transport/net.ts',
      'cli/src/commands/up.ts',
      'test/root.test.ts',
      'relay/src/net.ts',
    ]
    expect(violations.filter(({ from }) => innocent.includes(from))).toEqual([])
  })

  it('has a planted violation for every rule', () => {
    const rules = [...layerRules.map(({ name }) => name), 'rooms-by-name', 'one-file-per-driver']
    expect(rules.filter(name => name !== undefined && !(name in planted))).toEqual([])
  })
})
