/** The programs of examples/ that are whole by themselves: each asserts what it claims, against a real mesh. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'

const examples = join(import.meta.dirname, '..', '..', 'examples')

let mesh: LocalMesh
beforeEach(async () => void (mesh = await LocalMesh.start()))
afterEach(() => mesh.stop())

test.each([['robust-mesh.ts', 3, 'shop-1 has stopped:']])(
  'examples/%s runs, and what it asserts holds',
  async (name, uses, said) => {
    await mesh.relay('relay-1')
    const env = { ...process.env, TOKEN: await mesh.token({ uses }) }
    const { stdout } = await promisify(execFile)(process.execPath, [join(examples, name)], { env })
    expect(stdout).toContain(said)
  },
  60_000,
)
