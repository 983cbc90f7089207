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

interface Through {
  /** Runs a line of the shell there. @returns its output */
  ssh(line: string): Promise<string>
  /** Whether a connection reaches the server, without a session. */
  probe(): Promise<boolean>
}

export const ports: Scenario = {
  about:
    'OpenSSH through a forward to a machine that only a relay reaches; the machine stops and comes back, the forward stays.',
  onlyNamed: true,
  run: async tools => {
    const { mesh, from, to, path } = await pairMesh(tools, 'http-proxy', 'symmetric')
    await mesh.grant({ from: ['role:agent'], to: ['port:ssh'], allow: ['connect'] })
    const { ssh, probe } = await sshThrough(mesh, from, to)
    const answers = () => probe().catch(() => false)
    const first_ms = await waitUntil('a connection through the forward', answers, patienceMs)
    const hello = await ssh('echo hello')
    const began = performance.now()
    const said = await ssh(`head -c ${bulkMiB}M /dev/zero`)
    const mib_s = bulkMiB / ((performance.now() - began) / 1_000)
    await mesh.end(to)
    const stopped = await answers()
    await mesh.restart(to)
    const back_ms = await until(answers, patienceMs)
    const again = back_ms === undefined ? '' : await ssh('echo again')
    const ms = back_ms === undefined ? null : Math.round(back_ms)
    return {
      figures: { path, first_ms: Math.round(first_ms), mib_s: Math.round(mib_s), back_ms: ms },
      wrong: [
        ...(path === 'relay' ? [] : [`the path is ${path ?? 'none'}, not a relay`]),
        ...(said.length === bulkMiB << 20 ? [] : [`${said.length} bytes came, not ${bulkMiB} MiB`]),
        ...(hello + again === 'hello\nagain\n' ? [] : [`ssh said ${JSON.stringify(hello + again)}`]),
        ...(stopped ? ['a connection reached a machine whose agent had stopped'] : []),
        ...(ms !== null && ms <= backMs
          ? []
          : [
              ms === null
                ? 'no connection worked again'
                : `a connection worked again ${ms} ms after the agent`,
            ]),
      ],
    }
  },
}

/** A server on the one machine, exposed by its agent, and `forward` on the other. */
async function sshThrough(mesh: LabMesh, from: RunningAgent, to: RunningAgent): Promise<Through> {
  const { file, options } = await configureSsh(`${to.data}-ssh`, 22)
  // It leaves the foreground; whatever runs in the namespace ends with it.
  await shell(inside(to.site.namespace, [sshd, '-f', file]).join(' '))
  await mesh.ask(to, 'expose', '22', '--as', 'ssh')
  const forwarded: LabProcess = await mesh.begin(from, 'forward', `${to.site.name}:ssh`)
  const { port } = await forwarded.ready
  const here = (...command: string[]) => inside(from.site.namespace, command).join(' ')
  const client = here('ssh', '-p', String(port), ...options, '127.0.0.1')
  // The server speaks first.
  const greeting = here('bash', '-c', `'exec 3<>/dev/tcp/127.0.0.1/${port}; head -c 4 <&3'`)
  return {
    ssh: line => shell(`${client} '${line}'`),
    probe: async () => (await shell(greeting)) === 'SSH-',
  }
}
