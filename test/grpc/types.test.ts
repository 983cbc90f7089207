import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const checkout = join(import.meta.dirname, '..', '..')
const name = join('agentmesh', 'v1', 'mesh_pb.ts')

it('the types that are checked in are those of mesh.proto', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rpc-types-'))
  try {
    const program = join(checkout, 'cli', 'build', 'rpc-types.ts')
    await promisify(execFile)(process.execPath, [program, folder])
    const checkedIn = join(checkout, 'cli', 'src', 'gateway', 'rpc', 'gen', name)
    expect(await readFile(checkedIn, 'utf8')).toBe(await readFile(join(folder, name), 'utf8'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
