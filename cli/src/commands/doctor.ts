import type { Line } from '../doctor/examine.ts'
import { exitCodes } from '../exit-codes.ts'
import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { onCall, type Register } from './define.ts'

export const registerDoctor: Register = (program, finish) => {
  const command = program
    .command('doctor')
    .description('diagnose problems of this machine and its membership')
    .addHelpText(
      'after',
      `
Reads the data folder and asks the control plane and the running process. It changes nothing, and works without either of
them.

Examples:
  $ agent-mesh doctor
  $ agent-mesh doctor --json | jq '.checks[] | select(.state != "ok")'

Exit codes: 0 no check fails (there may be warnings), 1 a check fails.`,
    )
  onCall(command, finish, async ({ settings, output, signal }) => {
    const { data, flags, proxy } = settings
    const lines = await withProgress(settings, 'Examining', async () => {
      const [{ gatherFacts }, { examine }] = await Promise.all([
        import('../doctor/facts.ts'),
        import('../doctor/examine.ts'),
      ])
      return examine(await gatherFacts({ path: data, flags, proxy, signal }))
    })
    const failed = lines.some(({ state }) => state === 'fail')
    output.result({ ok: !failed, data, checks: lines }, () => page(lines, output))
    return failed ? exitCodes.failure : exitCodes.ok
  })
}

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const

function page(lines: readonly Line[], output: Output): Text {
  const width = Math.max(...lines.map(({ check }) => check.length))
  const text = lines.flatMap(({ state, check, found, advice }) => [
    `${output.style(colours[state], state.padEnd(4))}  ${check.padEnd(width)}  ${found}`,
    ...(advice === undefined ? [] : [`      ${''.padEnd(width)}  -> ${advice}`]),
  ])
  const failed = lines.filter(({ state }) => state === 'fail').length
  const warned = lines.filter(({ state }) => state === 'warn').length
  return [...text, '', `${failed} fail, ${warned} warn, ${lines.length - failed - warned} ok`]
}
