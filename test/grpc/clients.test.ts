/** Clients of other languages through the gateway of a real agent: grpcio of Python, and grpcurl as docs/grpc.md has it. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { GatewayMesh } from '../support/gateway-mesh.ts'
import { pythonTools } from '../support/python.ts'
import { goTool, missingGo } from './go-tool.ts'

const run = promisify(execFile)
const checkout = join(import.meta.dirname, '..', '..')
const proto = join(checkout, 'cli', 'proto')
const missing = await missingGo()
let at: GatewayMesh
let token: string
let folder: string

beforeAll(async () => {
  at = await GatewayMesh.start()
  token = await at.token('client', 'service:math.*')
  folder = await mkdtemp(join(tmpdir(), 'grpc-'))
})
afterAll(async () => {
  await at.stop()
  await rm(folder, { recursive: true, force: true })
})

it('grpcio of Python calls, streams both ways, and has the codes of errors', async () => {
  const python = join(await pythonTools('grpc/requirements.txt'), 'python')
  const made = [`--python_out=${folder}`, `--grpc_python_out=${folder}`, 'agentmesh/v1/mesh.proto']
  await run(python, ['-m', 'grpc_tools.protoc', '-I', proto, ...made])
  const env = { ...process.env, TOKEN: token, PYTHONPATH: folder }
  const args = [join(import.meta.dirname, 'client.py'), `127.0.0.1:${at.port}`]
  const { stdout } = await run(python, args, { env, timeout: 300_000 })
  expect(JSON.parse(stdout)).toEqual({
    added: [3, 'server'],
    counted: [1, 2, 3, 'done'],
    totals: [1, 3, 6, 6],
    reversed: [10, 255, 0],
    late: 'DEADLINE_EXCEEDED',
    denied: ['PERMISSION_DENIED', 'permission_denied'],
    unknown: ['UNAUTHENTICATED', 'unauthenticated'],
    anonymous: ['UNAUTHENTICATED', 'unauthenticated'],
  })
})

it.skipIf(missing !== undefined)(`grpcurl calls as docs/grpc.md says ${missing ?? ''}`, async () => {
  const grpcurl = await goTool('grpcurl')
  const page = await readFile(join(checkout, 'docs', 'grpc.md'), 'utf8')
  const line = /^grpcurl (.*)$/m.exec(page)?.[1]
  const env = { ...process.env, TOKEN: token, HOST: `127.0.0.1:${at.port}` }
  const { stdout } = await run('sh', ['-c', `'${grpcurl}' ${line}`], {
    ...{ env, timeout: 120_000, cwd: join(proto, 'agentmesh', 'v1') },
  })
  expect(JSON.parse(stdout)).toMatchObject({ result: { json: '3' }, name: 'server' })
})
