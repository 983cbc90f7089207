/** examples/three-assistants.ts: it asserts itself what it claims, against a real mesh. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

import { LocalMesh } from '../support/local-mesh.ts'

it('three assistants use the tools of each other, without a broker', async () => {
  const mesh = await LocalMesh.start()
  try {
    await mesh.grant({ from: ['role:agent'], to: ['tool:*'], allow: ['call'] })
    const env = { ...process.env, TOKEN: await mesh.token({ uses: 3 }) }
    const example = join(import.meta.dirname, '..', '..', 'examples', 'three-assistants.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [example], { env, timeout: 300_000 })
    expect(stdout).toContain('the assistant of garden asks calendar: calendar says Ada, Grace')
    expect(stdout).toContain('each assistant has used the tools of the other two')
  } finally {
    await mesh.stop()
  }
})
