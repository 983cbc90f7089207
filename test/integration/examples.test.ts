/** The programs of examples/ that are whole by themselves: each asserts what it claims, against a real mesh. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LocalMesh } from '../support/local-mesh.ts'

const examples = join(import.meta.dirname, '..', '..', 'examples')

let mesh: LocalMesh
beforeAll(async () => {
  mesh = await LocalMesh.start()
  await mesh.relay('relay-1')
})
afterAll(() => mesh.stop())

test.each([
  ['simple-mesh.ts', 3, 'all messages arrived:'],
  ['robust-mesh.ts', 3, 'shop-1 has stopped:'],
  ['log-tail.ts', 2, 'the reader has left, and the file is closed'],
  ['topic-alerts.ts', 3, 'a message that does not fit its contract is not published'],
  ['thumbnailer.ts', 2, 'half an image is refused: it is cut off'],
])('examples/%s runs, and what it asserts holds', async (name, uses, said) => {
  const env = { ...process.env, TOKEN: await mesh.token({ uses }) }
  const { stdout } = await promisify(execFile)(process.execPath, [join(examples, name)], { env })
  expect(stdout).toContain(said)
})
