import { Option } from 'commander'

import { parseJoin } from '../arguments.ts'
import { rootOf } from '../config/prepare.ts'
import type { InstallPlan } from '../service/install.ts'
import { servicePrograms, type ServiceSpec } from '../service/service-spec.ts'
import type { Settings } from '../settings.ts'
import { withProgress } from '../show/progress.ts'
import { onCall, type Register } from './define.ts'
import { serviceOf, takesService, type ServiceOptions } from './service-options.ts'

interface InstallOptions extends ServiceOptions {
  run: ServiceSpec['run']
  join?: string
  start: boolean
  dryRun?: boolean
}

export const registerInstall: Register = (service, finish) => {
  const command = takesService(
    service
      .command('install')
      .description('start the agent of this machine now and whenever the machine starts')
      .argument('[option...]', 'options of what it runs, after --'),
  )
    .addOption(
      new Option('--run <command>', 'what it runs: up, relay or control-plane')
        .choices(servicePrograms)
        .default('up'),
    )
    .addOption(
      new Option(
        '--join <token>',
        'join token for its first start, @FILE, or - for standard input',
      ).argParser(parseJoin),
    )
    .option('--no-start', 'install only')
    .option('--dry-run', 'show what would be written and run')
    .addHelpText(
      'after',
      `
A service of the machine needs root and runs as a user of its own; its data folder is printed. Run it again to change it.

Examples:
  $ sudo agent-mesh service install --join @/run/secrets/join-token
  $ sudo agent-mesh service install -- --name web-1 --listen 0.0.0.0:4001
  $ sudo agent-mesh --context relay service install --run relay --join @token -- --listen 0.0.0.0:4001
  $ agent-mesh service install --user
  $ agent-mesh service install --dry-run

Exit codes: 0 installed, 4 this needs root, or the join token is none, 7 there is no service manager here, 8 other users
could write the folder (Windows).`,
    )
  onCall<InstallOptions, [string[]]>(command, finish, async ({ options, settings, output, signal }, args) => {
    const { install, stepsOf } = await import('../service/install.ts')
    const { checkArgs } = await import('../service/check-args.ts')
    checkArgs(rootOf(command), options.run, args)
    const plan = await planOf(options, settings, args)
    if (options.dryRun === true) {
      const { file, protection, tools } = stepsOf(plan)
      const commands = [...(protection?.close(protection.folder) ?? []), ...tools]
      return output.result({ file: file.path, text: file.text, commands }, () => [
        `# ${file.path}`,
        ...file.text.trimEnd().split('\n'),
        '',
        ...commands.map(tool => `# ${tool.join(' ')}`),
      ])
    }
    const installed = await withProgress(settings, `Installing ${plan.spec.name}`, () =>
      install(plan, signal),
    )
    const { service, started, file, data } = installed
    output.result(installed, () => [
      `${service} is installed${started ? ' and runs' : ''} (${file}).`,
      `Other commands reach it with --data ${data}: agent-mesh --data ${data} status`,
    ])
  })
}

/** A token that an earlier installation was given stays its token. */
async function planOf(options: InstallOptions, settings: Settings, args: string[]): Promise<InstallPlan> {
  const { isInstalled } = await import('../service/install.ts')
  const { checkProgram } = await import('../service/service-spec.ts')
  const { tokenOf } = await import('../data/join-token.ts')
  const { parseJoinToken } = await import('@agent-mesh/protocol/join-token')
  const { manager, spec, root } = await serviceOf(options, settings)
  const { run, join: source = settings.join, start, dryRun = false } = options
  const hasToken = source !== undefined || (await isInstalled(`${root ?? ''}${spec.tokenFile ?? ''}`))
  checkProgram(spec)
  const token = source === undefined || dryRun ? undefined : await tokenOf(source)
  // A service that cannot join would end at its start.
  if (token !== undefined) parseJoinToken(token)
  return {
    manager,
    spec: { ...spec, run, args, tokenFile: hasToken ? spec.tokenFile : undefined },
    token,
    root,
    start,
  }
}
