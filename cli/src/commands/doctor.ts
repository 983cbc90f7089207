import { sleep } from '@agent-mesh/protocol/timers'

import type { Line } from '../doctor/examine.ts'
import type { Change } from '../doctor/follow-checks.ts'
import { exitCodes } from '../exit-codes.ts'
import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { showOnceOrWatch, watchOption, type WatchOptions } from '../show/watch.ts'
import { onCall, type Register } from './define.ts'

export const registerDoctor: Register = (program, finish) => {
  const command = program
    .command('doctor')
    .description('diagnose problems of this machine and its membership')
    .addOption(watchOption('5s'))
    .addHelpText(
      'after',
      `
Reads the data folder and asks the control plane and the running process. It changes nothing, and works without either of
them.

Examples:
  $ agent-mesh doctor
  $ agent-mesh doctor --watch
  $ agent-mesh doctor --watch 30s --json
  $ agent-mesh doctor --json | jq '.checks[] | select(.state != "ok")'

--watch examines again every 5 s until Ctrl-C. Without a terminal, and with --json, a line follows for each check whose state
changes.

Exit codes: 0 no check fails (there may be warnings), 1 a check fails; 0 after --watch.`,
    )
  onCall<WatchOptions, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { data, flags, proxy } = settings
    const [{ gatherFacts }, { examine }] = await Promise.all([
      import('../doctor/facts.ts'),
      import('../doctor/examine.ts'),
    ])
    const look = async () => examine(await gatherFacts({ path: data, flags, proxy, signal }))
    const first = await withProgress(settings, 'Examining', look)
    const failed = first.some(({ state }) => state === 'fail')
    const shown = (lines: readonly Line[]) => ({
      value: { ok: !lines.some(({ state }) => state === 'fail'), data, checks: lines },
      text: () => page(lines, output),
    })
    const { watch: every } = options
    if (every !== undefined && settings.redraws && !settings.json)
      await showOnceOrWatch({ settings, output, signal, every }, async () => shown(await look()))
    else {
      output.result(shown(first).value, shown(first).text)
      if (every !== undefined) await showChanges(first, look, { output, signal, every })
    }
    return failed && every === undefined ? exitCodes.failure : exitCodes.ok
  })
}

interface Following {
  output: Output
  signal: AbortSignal
  /** Between two examinations, ms. */
  every: number
}

/** A line for each check that changes, until `signal` aborts. */
async function showChanges(
  first: readonly Line[],
  look: () => Promise<Line[]>,
  { output, signal, every }: Following,
): Promise<void> {
  const { changesOf } = await import('../doctor/follow-checks.ts')
  let before = first
  for (;;) {
    await sleep(every, { signal }).catch(() => undefined)
    if (signal.aborted) return
    const after = await look()
    // An examination that Ctrl-C ended has found nothing.
    if (signal.aborted) return
    for (const change of changesOf(before, after))
      output.result({ at: Date.now(), ...change }, () => changeText(change, output))
    before = after
  }
}

const changeText = ({ check, state, found = 'does not apply any more' }: Change, output: Output): string =>
  `${new Date().toISOString()}  ${state === undefined ? '-   ' : output.style(colours[state], state.padEnd(4))}  ${check}  ${found}`

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
