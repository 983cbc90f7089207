import { onCall, type Register } from './define.ts'

/** `agent-mesh admin confirm-clock`. */
export const registerConfirmClock: Register = (admin, finish) => {
  const command = admin
    .command('confirm-clock')
    .description('confirm that the clock of the control plane is right')
    .addHelpText(
      'after',
      `
A control plane whose clock is more than 15 days off the newest time in its store removes nothing that has expired: with a
clock a year ahead all members and their names would be lost. Mend the clock if it is wrong; no command is needed then. If
it is right, as after a stop of months, this says so to the control plane that runs in this context. It is audited.

Examples:
  $ agent-mesh status                  shows the warning
  $ agent-mesh admin confirm-clock

Exit codes: 0 done, 3 nothing runs in this context, 7 something else than a control plane does.`,
    )
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const confirmed = await localClient(settings.data, signal).confirmClock()
    output.result(confirmed, () => `The clock is confirmed: ${new Date(confirmed.now).toISOString()}.`)
  })
}
