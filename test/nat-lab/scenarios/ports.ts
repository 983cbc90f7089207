import { configureSsh, sshd } from '../../support/ssh-configuration.ts'
import type { LabProcess } from '../lab-process.ts'
import type { LabMesh, RunningAgent } from '../mesh.ts'
import type { Scenario } from '../scenario.ts'
import { inside, shell } from '../shell.ts'
import { until, waitUntil } from '../until.ts'
import { pairMesh } from './pair-mesh.ts'

/** The first connection after the machine is back works within this, ms. */
const backMs = 2_000
/** Looked for so long before it counts as never, ms. */
const patienceMs = 30_000
const bulkMiB = 32

type Ssh = (line: string) => Promise<string>

export const ports: Scenario = {
  about:
    'OpenSSH through a forward to a machine that only a relay reaches; the machine stops and comes back, the forward stays.',
  onlyNamed: true,
  run: async tools => {
    const { mesh, from, to, path } = await pairMesh(tools, 'http-proxy', 'symmetric')
    await mesh.grant({ from: ['role:agent'], to: ['port:ssh'], allow: ['connect'] })
    const ssh = await sshThrough(mesh, from, to)
    const hello = () => ssh('echo hello').then(said => said === 'hello\n')
    const answers = () => hello().catch(() => false)
    const first_ms = await waitUntil('ssh through the forward', answers, patienceMs)
    const began = performance.now()
    const said = await ssh(`head -c ${bulkMiB}M /dev/zero`)
    const mib_s = bulkMiB / ((performance.now() - began) / 1_000)
    await mesh.end(to)
    const stopped = await answers()
    await mesh.restart(to)
    const back_ms = await until(answers, patienceMs)
    const ms = back_ms === undefined ? null : Math.round(back_ms)
    return {
      figures: { path, first_ms: Math.round(first_ms), mib_s: Math.round(mib_s), back_ms: ms },
      wrong: [
        ...(path === 'relay' ? [] : [`the path is ${path ?? 'none'}, not a relay`]),
        ...(said.length === bulkMiB << 20 ? [] : [`${said.length} bytes came, not ${bulkMiB} MiB`]),
        ...(stopped ? ['ssh reached a machine whose agent had stopped'] : []),
        ...(ms !== null && ms <= backMs
          ? []
          : [ms === null ? 'ssh never worked again' : `ssh worked again ${ms} ms after the agent`]),
      ],
    }
  },
}

/** A server on the one machine, exposed by its agent, and `forward` on the other. */
async function sshThrough(mesh: LabMesh, from: RunningAgent, to: RunningAgent): Promise<Ssh> {
  const { file, options } = await configureSsh(`${to.data}-ssh`, 22)
  // It leaves the foreground; whatever runs in the namespace ends with it.
  await shell(inside(to.site.namespace, [sshd, '-f', file]).join(' '))
  await mesh.ask(to, 'expose', '22', '--as', 'ssh')
  const forwarded: LabProcess = await mesh.begin(from, 'forward', `${to.site.name}:ssh`)
  const { port } = await forwarded.ready
  const command = inside(from.site.namespace, ['ssh', '-p', String(port), ...options, '127.0.0.1'])
  return line => shell(`${command.join(' ')} '${line}'`)
}
