/** The services of systemd on this machine that run a program; those of launchd and Windows are restarted by hand. */
import { MeshError } from '@agent-mesh/protocol/errors'
import type { LocalStatus } from '@agent-mesh/protocol/local-api'
import { sleep } from '@agent-mesh/protocol/timers'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { localClient } from '../local/local-client.ts'
import { untilReady } from '../local/until-ready.ts'
import { runTool } from '../service/run-tool.ts'
import { commandOfUnit, restartUnit, systemd } from '../service/systemd.ts'
import type { ServiceSpec } from '../service/service-spec.ts'
import { upgradeDefaults } from './defaults.ts'

export interface ProgramService {
  spec: ServiceSpec
  /** Of its manager; undefined when it does not run. */
  pid: number | undefined
  /** A stopped one stays stopped, and one that failed is not started. */
  isUp: boolean
}

/** @throws MeshError permission_denied for services of the machine without the right to restart them, unavailable */
export async function servicesOf(program: string, signal: AbortSignal): Promise<ProgramService[]> {
  try {
    systemd.check()
  } catch {
    return []
  }
  const specs = (
    await Promise.all((['system', 'user'] as const).map(scope => specsOf(program, scope)))
  ).flat()
  const isRoot = process.getuid?.() === 0
  const machine = specs.find(({ scope }) => scope === 'system')
  if (machine !== undefined && !isRoot)
    throw new MeshError(
      'permission_denied',
      `Cannot upgrade ${program}: the service ${machine.name} runs it`,
      {
        hint: 'Run it as root (sudo).',
      },
    )
  return Promise.all(specs.map(spec => stateOf(spec, signal)))
}

async function specsOf(program: string, scope: ServiceSpec['scope']): Promise<ServiceSpec[]> {
  const any = { ...blank, scope, program: [program] }
  const folder = dirname(systemd.file(any).path)
  const files = await readdir(folder).catch(() => [])
  const specs = await Promise.all(
    files.map(async (file): Promise<ServiceSpec[]> => {
      const [, name, context = 'default'] = /^(agent-mesh(?:-(.+))?)\.service$/.exec(file) ?? []
      if (name === undefined) return []
      const command = commandOfUnit(await readFile(join(folder, file), 'utf8').catch(() => ''))
      const data = command[command.indexOf('--data') + 1]
      // The single file, or the script that Node runs.
      return command.slice(0, 2).includes(program) && data !== undefined
        ? [{ ...any, name, context, data }]
        : []
    }),
  )
  return specs.flat()
}

const blank: ServiceSpec = {
  name: 'agent-mesh',
  scope: 'system',
  context: 'default',
  program: [],
  run: 'up',
  args: [],
  data: '',
}

async function stateOf(spec: ServiceSpec, signal: AbortSignal): Promise<ProgramService> {
  const { state, running, pid } = systemd.readState(await runTool(systemd.show(spec), signal))
  return { spec, pid, isUp: running || /^(?:re|de)?activating|^reloading/.test(state) }
}

/** Which version runs; undefined when nothing answers. */
export const runningVersion = ({ spec }: ProgramService, signal: AbortSignal): Promise<string | undefined> =>
  localClient(spec.data, signal)
    .status()
    .then(
      ({ version }) => version,
      () => undefined,
    )

/**
 * Restarts the services, and waits until each is ready with `version`.
 * @param most ms for all of them
 * @throws MeshError deadline_exceeded when one is not ready by then, naming it; permission_denied, cancelled
 */
export async function restartAll(
  services: readonly ProgramService[],
  version: string,
  most: number,
  signal: AbortSignal,
): Promise<void> {
  const ended = await Promise.allSettled(services.map(({ spec }) => restart(spec, version, most, signal)))
  const failure = ended.find(result => result.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}

async function restart(spec: ServiceSpec, version: string, most: number, signal: AbortSignal): Promise<void> {
  const { pid } = systemd.readState(await runTool(systemd.show(spec), signal))
  await runTool(restartUnit(spec), signal)
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const wanted = (status: LocalStatus) => status.version === version && status.pid !== pid
  try {
    const ready = untilReady(spec.data, { most, pid: undefined, signal: either, wanted })
    await Promise.race([ready, untilFailed(spec, either)])
  } catch (error) {
    if (!(error instanceof MeshError) || signal.aborted) throw error
    const code = error.code === 'unavailable' ? 'deadline_exceeded' : error.code
    throw new MeshError(code, `${spec.name}: ${error.message}`, { cause: error })
  } finally {
    over.abort()
  }
}

/** Ends when its manager has given it up for some time: right after a restart that may be the process of before. */
async function untilFailed(spec: ServiceSpec, signal: AbortSignal): Promise<never> {
  for (let failed = 0; failed < upgradeDefaults.failedLooks;) {
    await sleep(upgradeDefaults.failedLookMs, { signal })
    const { state } = systemd.readState(await runTool(systemd.show(spec), signal))
    failed = state.startsWith('failed') ? failed + 1 : 0
  }
  throw new MeshError('deadline_exceeded', 'it ended, and its manager does not start it again')
}
