/** The code of some pages of docs/ is one program each: it runs against a real mesh, and prints what its comments say. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'
import { pageProgram } from '../support/page-program.ts'

const checkout = join(import.meta.dirname, '..', '..')

let mesh: LocalMesh
let workplace: string
beforeEach(async () => {
  mesh = await LocalMesh.start()
  // Inside the checkout, so that its packages are found.
  workplace = await mkdtemp(join(checkout, 'examples', '.page-'))
})
afterEach(async () => {
  await rm(workplace, { recursive: true, force: true })
  await mesh.stop()
})

test.each(['services.md', 'pipes.md'])(
  'the code of docs/%s runs, and prints what its comments say',
  async name => {
    await mesh.relay('relay-1')
    await mesh.grant({ from: ['role:agent'], to: ['port:*'], allow: ['connect'] })
    await expectPromised(name, { TOKEN: await mesh.token() })
  },
)

test('the code of docs/testing.md runs without a mesh, and prints what its comments say', () =>
  expectPromised('testing.md'))

async function expectPromised(name: string, more: Record<string, string> = {}): Promise<void> {
  const { program, promised } = await pageProgram(name)
  await writeFile(join(workplace, 'main.ts'), program)
  const env = { ...process.env, ...more }
  const { stdout } = await promisify(execFile)(process.execPath, ['main.ts'], { cwd: workplace, env })
  expect(stdout.trim().split('\n')).toEqual(promised)
}
