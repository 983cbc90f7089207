import { commandDefaults } from '../defaults.ts'
import { withProgress } from '../show/progress.ts'
import { onCall, type Register } from './define.ts'

interface RestoredOptions {
  stack: string
}

/** `agent-mesh admin restored`. */
export const registerRestored: Register = (admin, finish) => {
  const command = admin
    .command('restored')
    .description('resume a mesh on AWS whose table was restored from a backup')
    .option('--stack <name>', 'its CloudFormation stack', commandDefaults.stack)
    .addHelpText(
      'after',
      `
Uses your AWS credentials: it reads the stack, signs with its key in KMS and writes its table. Members would refuse what is
older than what they know; it gets numbers above that. Says what has to be done again. May be repeated.

A control plane of your own is started once with: agent-mesh control-plane --restored

Examples:
  $ agent-mesh admin restored
  $ agent-mesh --context prod admin restored --stack ProdMesh`,
    )
  onCall<RestoredOptions, []>(command, finish, async ({ settings, options, output }) => {
    const { restoreStack } = await import('../aws/first-admin.ts')
    const restored = await withProgress(settings, `Taking up the mesh of ${options.stack}`, () =>
      restoreStack(options.stack, settings.data),
    )
    const { restoredText } = await import('../show/restored.ts')
    output.result(restored, () => restoredText(restored, settings.flags))
  })
}
