import { onCall, type Register } from './define.ts'

/** `agent-mesh admin confirm-clock`. */
export const registerConfirmClock: Register = (admin, finish) => {
  const command = admin
    .command('confirm-clock')
    .description('confirm that the clock of the control plane is right')
    .addHelpText(
      'after',
      `
A control plane whose clock differs by more than 15 days from the newest time in its store stops removing expired entries:
with a clock a year ahead it would remove all members. If the clock is wrong, correct it; then this command is not needed.
If it is right, for example after months without operation, this command tells the control plane of this context so. The
audit log records it.

Examples:
  $ agent-mesh status                  shows the warning
  $ agent-mesh admin confirm-clock

Exit codes: 0 done, 3 no process runs in this context, 7 the process is no control plane.`,
    )
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const confirmed = await localClient(settings.data, signal).confirmClock()
    output.result(confirmed, () => `The clock is confirmed: ${new Date(confirmed.now).toISOString()}.`)
  })
}
