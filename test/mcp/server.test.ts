/** The conformance suite of the protocol against `/mcp` of the gateway of a real agent. */
import { join } from 'node:path'
import { defineService } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import * as z from 'zod'

import { GatewayMesh } from '../support/gateway-mesh.ts'
import { conformance, installConformance } from './conformance.ts'
import { suiteProxy, type SuiteProxy } from './suite-proxy.ts'

/** Tools that the suite calls: `test_simple_text` is the method `simple_text` here. */
const fixtures = defineService({
  name: 'test',
  version: 1,
  methods: {
    simple_text: { params: z.object({}), result: z.string() },
    error_handling: { params: z.object({}), result: z.string() },
    tool_with_progress: { params: z.object({}), yields: z.number(), result: z.string() },
  },
})
let mesh: GatewayMesh
let proxy: SuiteProxy

beforeAll(async () => {
  await installConformance()
  mesh = await GatewayMesh.start()
  await mesh.mesh.letAgentsCall('service:test.*', 'service:host.*')
  mesh.server.serve({
    contract: fixtures,
    handlers: {
      simple_text: () => 'This is a simple text response for testing.',
      error_handling: () => {
        throw new MeshError('application', 'Cannot do it: this tool fails')
      },
      async *tool_with_progress() {
        for (const progress of [0, 50, 100]) yield progress
        return 'done'
      },
    },
  })
  proxy = await suiteProxy(mesh.gateway.url, await mesh.token('conformance', 'service:test.*'))
  await vi.waitFor(
    () => expect(mesh.desk.services().map(({ service }) => service)).toContain('test@1'),
    60_000,
  )
})
afterAll(async () => {
  await proxy.stop()
  await mesh.stop()
})

it.each(['2025-11-25', '2026-07-28'])(
  'revision %s holds, but for the features that the file names',
  async revision => {
    const missing = join(import.meta.dirname, `missing-of-server-${revision}.yaml`)
    const which = ['--suite', 'all', '--spec-version', revision, '--expected-failures', missing]
    const { code, said } = await conformance(['server', '--url', `${proxy.url}/mcp`, ...which])
    expect(code, said.slice(-6_000)).toBe(0)
    console.log(`${revision}: ${/^Total: .*$/m.exec(said)?.[0]}`)
  },
)
