import { MeshError } from '@agent-mesh/protocol/errors'

import { countUpTo } from '../arguments.ts'
import { exitCodes } from '../exit-codes.ts'
import type { ServiceSpec } from '../service/service-spec.ts'
import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import { groupOf, onCall, type Register } from './define.ts'
import { registerInstall } from './service-install.ts'
import { serviceOf, takesService, type ServiceOptions } from './service-options.ts'

const registerUninstall: Register = (service, finish) => {
  const command = takesService(
    service.command('uninstall').description('stop the service and remove it; its data folder stays'),
  ).addHelpText(
    'after',
    '\nExamples:\n  $ agent-mesh service uninstall\n  $ agent-mesh service uninstall --user',
  )
  onCall<ServiceOptions, []>(command, finish, async ({ options, settings, output, signal }) => {
    const { uninstall } = await import('../service/install.ts')
    const plan = await serviceOf(options, settings)
    const { name, data } = plan.spec
    const removed = await withProgress(settings, `Removing ${name}`, () => uninstall(plan, signal))
    output.result({ service: name, removed, data }, () => [
      removed ? `${name} is removed; its data folder stays: ${data}` : `${name} is not installed.`,
    ])
  })
}

const notInstalled = ({ name }: ServiceSpec): MeshError =>
  new MeshError('not_found', `Cannot find the service: ${name} is not installed`, {
    hint: 'Install it with "agent-mesh service install".',
  })

const registerServiceStatus: Register = (service, finish) => {
  const command = takesService(
    service.command('status').description('show whether the service runs, as its manager sees it'),
  ).addHelpText(
    'after',
    `
Examples:
  $ agent-mesh service status
  $ agent-mesh service status --json | jq .running

Exit codes: 0 it runs, 3 it does not run, 7 it is not installed.`,
  )
  onCall<ServiceOptions, []>(command, finish, async ({ options, settings, output, signal }) => {
    const { isInstalled } = await import('../service/install.ts')
    const { runTool } = await import('../service/run-tool.ts')
    const { manager, spec } = await serviceOf(options, settings)
    const { path } = manager.file(spec)
    if (!(await isInstalled(path))) throw notInstalled(spec)
    const state = manager.readState(await runTool(manager.show(spec), signal))
    const known = { service: spec.name, file: path, data: spec.data, ...state }
    output.result(known, () => stateText(known, output))
    return state.running ? exitCodes.ok : exitCodes.nothingRunning
  })
}

const stateText = (known: Record<string, unknown>, output: Output) => [
  output.table(
    ['', ''],
    Object.entries(known).map(([key, value]) => [key, String(value)]),
  ),
]

const registerLogs: Register = (service, finish) => {
  const command = takesService(
    service.command('logs').description('show what the service printed, as its manager keeps it'),
  )
    .option('--lines <count>', 'the last lines', countUpTo(100_000), 100)
    .option('-f, --follow', 'and those that follow, until Ctrl-C')
    .addHelpText('after', '\nExamples:\n  $ agent-mesh service logs --follow')
  onCall<ServiceOptions & { lines: number; follow?: boolean }, []>(
    command,
    finish,
    async ({ options, settings, signal }) => {
      const { isInstalled } = await import('../service/install.ts')
      const { showTool } = await import('../service/run-tool.ts')
      const { manager, spec } = await serviceOf(options, settings)
      if (!(await isInstalled(manager.file(spec).path))) throw notInstalled(spec)
      const { lines, follow = false } = options
      if ((await showTool(manager.logs(spec, lines, follow), signal)) !== 0 && !signal.aborted)
        return exitCodes.failure
      return exitCodes.ok
    },
  )
}

export const registerService = groupOf({
  name: 'service',
  description: 'let the service manager of this machine run the agent',
  help: `
systemd on Linux; launchd on macOS and the Task Scheduler on Windows, for which the files were never tried on such a machine.`,
  commands: [registerInstall, registerUninstall, registerServiceStatus, registerLogs],
})
