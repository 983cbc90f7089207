/** The conformance suite of Connect against the front of the gateway: gRPC, gRPC-Web and Connect over HTTP/1.1 and HTTP/2. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

import { pythonTools } from '../support/python.ts'
import { goSources, goTool, missingGo } from './go-tool.ts'

const run = promisify(execFile)
const missing = await missingGo()

it.skipIf(missing !== undefined)(
  `servers of the front conform ${missing ?? ''}`,
  { timeout: 2_400_000 },
  async () => {
    const suite = await goTool('connectconformance')
    const folder = await mkdtemp(join(tmpdir(), 'conformance-'))
    try {
      const types = join(folder, 'types')
      const python = join(await pythonTools('grpc/requirements.txt'), 'python')
      const proto = join(await goSources('connectconformance'), 'proto')
      const out = [
        `--descriptor_set_out=${types}`,
        '--include_imports',
        'connectrpc/conformance/v1/service.proto',
      ]
      const server = 'connectrpc/conformance/v1/server_compat.proto'
      await run(python, ['-m', 'grpc_tools.protoc', '-I', proto, ...out, server])
      const conf = join(import.meta.dirname, 'conformance.yaml')
      // Each has 10 s to start.
      const config = ['--mode', 'server', '--max-servers', '1', '--conf', conf]
      const command = [process.execPath, join(import.meta.dirname, 'server-under-test.ts'), types]
      const { stdout } = await run(suite, [...config, '--', ...command], {
        maxBuffer: 64 * 1024 * 1024,
      }).catch((error: { stdout: string; stderr: string }) => {
        throw new Error(`the suite failed: ${`${error.stdout}${error.stderr}`.slice(-8_000)}`)
      })
      const [, passed = '0', failed = ''] = /(\d+) passed, (\d+) failed/.exec(stdout) ?? []
      console.log(`conformance: ${passed} passed, ${failed} failed`)
      expect([Number(passed) > 1_000, failed], stdout.slice(-2_000)).toEqual([true, '0'])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
)
