import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Kind } from '../kinds.ts'
import type { Scenario } from '../scenario.ts'
import { inside } from '../shell.ts'

const example = join(import.meta.dirname, '..', '..', '..', 'examples', 'three-assistants.ts')
/** Three agents, three assistants and three servers of tools start on two cores, ms. */
const patienceMs = 180_000

/** Networks that let nothing in. The first two meet directly, the third meets them through a relay. */
const machines: Readonly<Record<string, Kind>> = {
  kitchen: 'cone',
  garden: 'double-nat',
  calendar: 'symmetric',
}

export const threeAssistants: Scenario = {
  about:
    'examples/three-assistants.ts with each machine behind a NAT of its own: each assistant uses the tools of the others.',
  onlyNamed: true,
  run: async ({ topology, startMesh }) => {
    const mesh = await startMesh()
    await mesh.grant({ from: ['role:agent'], to: ['tool:*'], allow: ['call'] })
    const env: NodeJS.ProcessEnv = { ...process.env, TOKEN: await mesh.token('agent', 3) }
    for (const [name, kind] of Object.entries(machines)) {
      const { namespace } = await topology.host(name, kind)
      env[`IN_${name.toUpperCase()}`] = inside(namespace, []).join(' ')
    }
    const began = performance.now()
    const { stdout } = await promisify(execFile)(process.execPath, [example], { env, timeout: patienceMs })
    const asked = stdout.split('\n').filter(line => / asks \w+: \w+ says /.test(line)).length
    const all = Object.keys(machines).length * (Object.keys(machines).length - 1)
    return {
      figures: { machines, asked, run_ms: Math.round(performance.now() - began) },
      wrong: asked === all ? [] : [`${asked} of ${all} questions were answered: ${stdout}`],
    }
  },
}
