/** What the commands below `service` share. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { Option, type Command } from 'commander'
import { resolve } from 'node:path'

import type { ManagerName } from '../service/service-manager.ts'
import type { ServiceSpec } from '../service/service-spec.ts'
import type { Settings } from '../settings.ts'

export interface ServiceOptions {
  user?: boolean
  manager?: ManagerName
  root?: string
  data?: string
}

/** Options of all commands here. */
export const takesService = (command: Command): Command =>
  command
    .option('--user', 'a service of this user in place of one of the machine')
    .option('--root <dir>', 'work on the system below DIR, an image that does not run')
    .addOption(
      new Option('--manager <manager>', 'with --dry-run or --root: for another system').choices([
        'systemd',
        'launchd',
        'windows',
      ]),
    )

/** The service of a context, and its manager; `program` and `args` are those that are being installed. */
export async function serviceOf(options: ServiceOptions & { dryRun?: boolean }, settings: Settings) {
  const { managerOf } = await import('../service/find-manager.ts')
  const { ownProgram, serviceName } = await import('../service/service-spec.ts')
  const { user = false, manager: name, root, data } = options
  const still = options.dryRun === true || root !== undefined
  if (name !== undefined && !still)
    throw new MeshError('invalid_argument', 'Cannot choose the manager of a machine that runs', {
      hint: 'Pass --dry-run or --root DIR with --manager.',
    })
  const manager = await managerOf(name)
  if (!still) manager.check()
  if (!user && data !== undefined)
    throw new MeshError(
      'invalid_argument',
      'Cannot use --data: a service of the machine has a data folder of its own',
      {
        hint: 'Name a context with --context NAME, or pass --user.',
      },
    )
  const paths = manager.paths(settings.context)
  const spec: ServiceSpec = {
    name: serviceName(settings.context),
    scope: user ? 'user' : 'system',
    context: settings.context,
    program: ownProgram(),
    run: 'up',
    args: [],
    data: user ? settings.data : paths.data,
    tokenFile: user ? `${settings.data}.join-token` : paths.tokenFile,
  }
  return { manager, spec, root: root === undefined ? undefined : resolve(root) }
}
