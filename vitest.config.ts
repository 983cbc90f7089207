import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const rooms = '{protocol,agent,relay,lambdas,cli,infra}'
/** They start databases and take minutes: `npm run test:stores`. */
const stores = [
  'test/compliance/store-{postgres,dynamodb}.test.ts',
  'test/compliance/release-before.test.ts',
  'test/e2e/control-planes-agree.test.ts',
  'test/e2e/store-drills.test.ts',
  'bench/src/cost/counted-units.test.ts',
  'lambdas/src/hosts/api-gateway/fan-out.test.ts',
  'lambdas/src/store/dynamodb/audit.test.ts',
]
/**
 * What fails, and what is too much: disks that fill, clocks that move, processes that freeze, readers that stop, links that are cut or
 * slow, regions that fail, memberships, keys and members that end, stores that are restored, calls that nobody can serve; and the
 * slowest programs, pages and commands: with them `npm test` took 380 s on two cores. `npm run test:faults`.
 */
const faults = [
  'test/e2e/{port-programs,failover,release-before{,-data},full-disk,moved-clock,frozen-agent,stopped-reader,file-transfer,recovery,stuck-streams,region-outage,memberships,ended-memberships,mcp-servers,drills,audit,backup,readme,slow-provider,relay-new-token,files,tutorial}.test.ts',
  'test/integration/{overload,slow-uplink,leaving,gateway-limits,round-trips,authority-keys,examples,restored-store,scaling,silent-paths,wrong-clock}.test.ts',
  'cli/src/upgrade/upgrade.test.ts',
]
/** At a load of 25 the first synthesis of a worker, which loads the CDK, took 37 s; a test that waits for a condition gives it 20 s. */
const shared = {
  testTimeout: 240_000,
  hookTimeout: 240_000,
  expect: { poll: { timeout: 20_000 } },
}

export default defineConfig({
  test: {
    // Most of the time goes into waiting for sockets and processes; the default on two cores would be one worker. With three, the
    // specs in test/ take 162 s there instead of 229, and half of the processor.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    coverage: {
      provider: 'v8',
      include: ['{protocol,agent,relay,lambdas,cli}/src/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'html'],
    },
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          // Specs that share a worker share its modules: loading them anew for each took half of the CPU of this project.
          isolate: false,
          include: [
            `${rooms}/**/*.test.ts`,
            '{bench,deploy}/src/**/*.test.ts',
            'test/{chaos,nat-lab,rolling,sim}/**/*.test.ts',
          ],
          exclude: [
            '**/*.fuzz.test.ts',
            '**/*.aws.test.ts',
            '**/node_modules/**',
            '**/dist/**',
            ...stores,
            ...faults,
          ],
        },
      },
      {
        test: {
          ...shared,
          name: 'crossing',
          include: ['test/{attacks,compliance,integration,house}/**/*.test.ts'],
          exclude: [...stores, ...faults],
        },
      },
      // A first look in every full run; `npm run fuzz` gives each target 2,000 runs, FUZZ_RUNS any number.
      {
        test: {
          ...shared,
          name: 'fuzz',
          isolate: false,
          include: [`${rooms}/**/*.fuzz.test.ts`],
          testTimeout: 300_000,
          env: { FUZZ_RUNS: process.env['FUZZ_RUNS'] ?? '300' },
        },
      },
      {
        test: {
          ...shared,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: [...stores, ...faults],
        },
      },
      { test: { ...shared, name: 'faults', include: faults } },
      { test: { ...shared, name: 'stores', include: stores } },
    ],
  },
})
