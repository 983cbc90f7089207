import type { Command } from 'commander'

import { commandLines } from '../show/command-lines.ts'
import { withProgress } from '../show/progress.ts'
import { registerBackup } from './backup.ts'
import { registerConfirmClock } from './confirm-clock.ts'
import { groupOf, onCall, type Finish } from './define.ts'
import { registerRestore } from './restore.ts'
import { registerRestored } from './restored.ts'
import { registerRotateKey } from './rotate-key.ts'
import { registerSchema } from './schema.ts'

interface InitOptions {
  stack?: string
}

export const registerAdmin = groupOf({
  name: 'admin',
  description: 'keys, backups and recovery of a mesh',
  commands: [
    registerRotateKey,
    registerBackup,
    registerRestore,
    registerInit,
    registerRestored,
    registerConfirmClock,
    registerSchema,
  ],
})

function registerInit(admin: Command, finish: Finish): void {
  const command = admin
    .command('init')
    .description('create the keys and the first admin of a mesh deployed to AWS')
    .option(
      '--stack <name>',
      'CloudFormation stack of the mesh; STACK/ID: a ControlPlane in it (default: the one deployed from this context)',
    )
    .addHelpText(
      'after',
      `
Uses your AWS credentials: it reads the stack, writes its table and signs once with its key in KMS. The root key and the key
of the admin are created on this machine and never leave it: keep a copy of the data folder. May be repeated.

Examples:
  $ agent-mesh admin init
  $ agent-mesh --context prod admin init --stack ProdMesh`,
    )
  onCall<InitOptions, []>(command, finish, async ({ settings, options, output }) => {
    const { initStack } = await import('../aws/first-admin.ts')
    const mesh = await withProgress(settings, 'Creating the mesh', () =>
      initStack(options.stack, settings.data),
    )
    output.result(mesh, () => [
      `${output.style('green', 'The mesh is created')}. Its control plane answers at ${mesh.publicUrl}.`,
      `mesh            ${mesh.meshId}`,
      `root key        ${mesh.rootKeyFile} (keep a copy offline: without it the mesh cannot get a new authority key)`,
      `admin identity  ${mesh.adminIdentityFile}`,
      '',
      'To let a machine join:',
      ...commandLines(
        [`agent-mesh${settings.flags} token create`, 'here: prints a token'],
        ['agent-mesh up --join TOKEN', 'on that machine'],
      ),
    ])
  })
}
