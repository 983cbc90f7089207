import type { IForbiddenRuleType } from 'dependency-cruiser'

/**
 * Allowed imports between rooms (ARCHITECTURE.md, "The house"). Each rule's comment says how to mend a violation; each
 * rule has a planted violation in layers.test.ts.
 */

const testFile = '[.](test|fuzz[.]test)[.]ts$'
const libp2p = 'node_modules/(libp2p|@libp2p|@multiformats/multiaddr)(/|$)'
const inputOutput =
  '^(node:)?(fs|net|tls|http|http2|https|dgram|dns|child_process|worker_threads|sqlite)(/|$)'

/** What each room may import besides itself. */
const rooms: Record<string, readonly string[]> = {
  protocol: [],
  agent: ['protocol'],
  relay: ['agent', 'protocol'],
  lambdas: ['protocol'],
  cli: ['agent', 'infra/src/settings', 'lambdas', 'protocol', 'relay'],
  infra: ['protocol'],
  deploy: ['protocol'],
}

/** The rooms of agent/src from the ground up: each may import the ones of its own floor and of those before it. */
const agentFloors: readonly (readonly string[])[] = [
  ['core'],
  ['identity', 'observe'],
  ['transport'],
  ['rpc'],
  ['membership'],
  ['discovery'],
  ['paths'],
  ['services'],
  ['topics', 'health', 'tuning'],
  ['member'],
  ['agent'],
  ['gateway', 'testing'],
]

/** The rooms of lambdas/src from the ground up; tests compose what they need. */
const lambdasFloors: readonly (readonly string[])[] = [
  ['files'],
  ['store'],
  ['domain'],
  ['signer', 'routes'],
  ['hosts'],
  ['operator', 'entry'],
]

const oneOf = (names: readonly string[]) => `(${names.join('|')})`

const roomRules: IForbiddenRuleType[] = Object.entries(rooms).map(([room, allowed]) => ({
  name: `room-${room}`,
  comment: `${room} may import ${allowed.length === 0 ? 'no other room' : allowed.join(', ')}: move what is shared to protocol, or pass it in`,
  severity: 'error',
  from: { path: `^${room}/` },
  to: {
    path: '^(protocol|agent|relay|lambdas|cli|infra|deploy|test|bench|examples)/',
    pathNot: [`^${oneOf([room, ...allowed])}/`, '^test/support/'],
  },
}))

const agentRules: IForbiddenRuleType[] = agentFloors.flatMap((floor, height) => {
  const allowed = agentFloors.slice(0, height + 1).flat()
  return floor.map(folder => ({
    name: `agent-${folder}`,
    comment: `agent/src/${folder} may import ${allowed.filter(name => name !== folder).join(', ') || 'no other room'}: declare a port where it is needed`,
    severity: 'error' as const,
    from: { path: `^agent/src/${folder}/` },
    to: { path: '^agent/src/', pathNot: `^agent/src/${oneOf(allowed)}/` },
  }))
})

const lambdasRules: IForbiddenRuleType[] = lambdasFloors.flatMap((floor, height) => {
  const above = lambdasFloors.slice(height + 1).flat()
  return above.length === 0
    ? []
    : floor.map(folder => ({
        name: `lambdas-${folder}`,
        comment: `lambdas/src/${folder} may not import ${above.join(', ')}: declare a port where it is needed`,
        severity: 'error' as const,
        from: { path: `^lambdas/src/${folder}/`, pathNot: testFile },
        to: { path: `^lambdas/src/${oneOf(above)}/` },
      }))
})

const edgeRules: IForbiddenRuleType[] = [
  {
    name: 'package-roots-only',
    comment:
      'test, bench and examples use what users use: import @agent-mesh/<room> and export what is missing',
    severity: 'error',
    from: { path: '^(test|bench|examples)/' },
    // The root of infra has the types of the CDK in it, which benches have no use for; what makes a release is in no package.
    to: {
      path: '^(protocol|agent|relay|lambdas|cli|infra)/',
      pathNot: '^([^/]+/src/index|infra/src/lambda-bundle|cli/build/release/[^/]+)[.]ts$',
    },
  },
  {
    name: 'libp2p-at-the-edge',
    comment:
      'libp2p is imported in agent/src/transport and relay alone: export the project’s own types from there',
    severity: 'error',
    from: {
      path: '^(protocol|agent|lambdas|cli|infra|examples|test)/',
      pathNot: [
        '^agent/src/transport/',
        `^protocol/.*${testFile}`,
        '^test/integration/transport',
        '^test/support/stranger',
      ],
    },
    to: { path: libp2p },
  },
  {
    name: 'local-commands-stay-light',
    comment:
      'commands that talk to the socket of a running daemon never load libp2p: import what they need lazily',
    severity: 'error',
    from: { path: '^cli/src/commands/(status|peers|services|call|call-all|ping|token|doctor)[.]ts$' },
    to: { path: libp2p, reachable: true },
  },
  {
    name: 'protocol-does-no-io',
    comment: 'protocol is arithmetic: files, sockets and processes belong to the rooms that use it',
    severity: 'error',
    from: { path: '^protocol/src/', pathNot: testFile },
    to: { path: inputOutput, dependencyTypes: ['core'] },
  },
]

const hygieneRules: IForbiddenRuleType[] = [
  {
    name: 'no-cycles',
    comment: 'break the cycle: move what both need into a file of its own',
    severity: 'error',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-orphans',
    comment: 'nothing imports this file: delete it, or export it from the index',
    severity: 'error',
    from: { orphan: true, path: '^[^/]+/src/', pathNot: ['[.]d[.]ts$', testFile] },
    to: {},
  },
  {
    name: 'no-tests-in-source',
    comment: 'source does not import specs or test support; benches may start the same backends as specs',
    severity: 'error',
    from: { path: '^[^/]+/src/', pathNot: [testFile, '^bench/'] },
    to: { path: [testFile, '^test/'] },
  },
  {
    name: 'declared-packages',
    comment: 'declare the package in the package.json of the room that imports it (dependencies, for source)',
    severity: 'error',
    from: { path: '^(protocol|agent|relay|lambdas|cli)/src/', pathNot: testFile },
    to: {
      dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'],
      dependencyTypesNot: ['type-only', 'core'],
    },
  },
  {
    name: 'resolvable',
    comment: 'the import leads nowhere: check the path and that the package is installed',
    severity: 'error',
    from: { pathNot: '^(bench|cli/build/release)/' },
    to: { couldNotResolve: true },
  },
]

export const layerRules: IForbiddenRuleType[] = [
  ...roomRules,
  ...agentRules,
  ...lambdasRules,
  ...edgeRules,
  ...hygieneRules,
]

/** Packages that one file per room may import, so that a driver can be replaced in one place. */
export const drivers: readonly RegExp[] = [
  /^(node:)?sqlite$/,
  /node_modules\/pg\//,
  /node_modules\/@aws-sdk\/[^/]+\//,
  /node_modules\/ws\//,
]
