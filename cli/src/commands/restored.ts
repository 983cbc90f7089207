import { withProgress } from '../show/progress.ts'
import { onCall, type Register } from './define.ts'

interface RestoredOptions {
  stack?: string
}

/** `agent-mesh admin restored`. */
export const registerRestored: Register = (admin, finish) => {
  const command = admin
    .command('restored')
    .description('resume a mesh on AWS whose table was restored from a backup')
    .option(
      '--stack <name>',
      'CloudFormation stack of the mesh; STACK/ID: a ControlPlane in it (default: the one deployed from this context)',
    )
    .addHelpText(
      'after',
      `
Uses your AWS credentials: it reads the stack, signs with its key in KMS and writes its table. Members refuse documents that
are older than those they know, so the restored ones get higher numbers. Prints what you have to do again. May be repeated.
"agent-mesh deploy aws --set tableName=NAME" does the same after it deployed.

For a control plane that runs as a process, use instead: agent-mesh control-plane --restored

Examples:
  $ agent-mesh admin restored
  $ agent-mesh --context prod admin restored --stack ProdMesh`,
    )
  onCall<RestoredOptions, []>(command, finish, async ({ settings, options, output }) => {
    const { restoreStack } = await import('../aws/first-admin.ts')
    const restored = await withProgress(settings, 'Resuming the mesh', () =>
      restoreStack(options.stack, settings.data),
    )
    const { restoredText } = await import('../show/restored.ts')
    output.result(restored, () => restoredText(restored, settings.flags))
  })
}
