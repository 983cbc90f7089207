/** `--watch`: repeats a request, and shows the answers. */
import { toMeshError } from '@agent-mesh/protocol/errors'
import { sleep } from '@agent-mesh/protocol/timers'
import { Option } from 'commander'

import { parseInterval } from '../arguments.ts'
import type { Settings } from '../settings.ts'
import { showFailure } from './failure.ts'
import { fitted } from './fitted.ts'
import type { FullScreen } from './full-screen.ts'
import type { Output } from './output.ts'
import { render, type Text } from './text.ts'

/** One answer: for programs, and for people. */
export interface Shown {
  value: unknown
  text: () => Text
}

export interface RepeatedView {
  settings: Pick<Settings, 'redraws' | 'json' | 'color'>
  output: Output
  signal: AbortSignal
  /** Between two answers, ms; undefined: one answer is enough. */
  every: number | undefined
  /** Whether a terminal shows it on its other screen, which is left at the end. @default false: in place */
  full?: boolean
}

export interface WatchOptions {
  /** Milliseconds. */
  watch?: number
}

/** @param every how often without a value: `2s` */
export const watchOption = (every: string): Option =>
  new Option('--watch [time]', `repeat every ${every}, or every TIME, until Ctrl-C`)
    .argParser(parseInterval)
    .preset(every)

/**
 * Shows what `look` finds, once, or until `signal` aborts: in place on a terminal, else one answer below the other, with
 * `--json` a line each. After the first answer, a failure is shown and the watch continues: the process may be restarted.
 * @throws what the first `look` throws
 */
export async function showOnceOrWatch(watch: RepeatedView, look: () => Promise<Shown>): Promise<void> {
  const { settings, output, signal, every, full = false } = watch
  const first = await look()
  if (every === undefined) return output.result(first.value, first.text)
  const screen = settings.redraws && !settings.json ? await redrawn(output, every, full) : appended(watch)
  screen.show(first)
  try {
    while (await paused(every, signal))
      try {
        screen.show(await look())
      } catch (error) {
        if (!signal.aborted) screen.fail(error)
      }
  } finally {
    screen.end()
  }
}

/** Whether it was not interrupted. */
const paused = (ms: number, signal: AbortSignal): Promise<boolean> =>
  sleep(ms, { signal }).then(
    () => true,
    () => false,
  )

interface Screen {
  show(shown: Shown): void
  fail(error: unknown): void
  end(): void
}

function appended({ settings, output }: RepeatedView): Screen {
  let begun = false
  return {
    show: ({ value, text }) => {
      output.result(value, () => [...(begun ? [''] : []), ...[text()].flat()])
      begun = true
    },
    fail: error => void showFailure(error, settings),
    end: () => undefined,
  }
}

/** The newest answer takes the place of the one before; what does not fit the terminal is left out, and said. */
async function redrawn(output: Output, every: number, full: boolean): Promise<Screen> {
  const pane = full ? (await import('./full-screen.ts')).fullScreen() : await inPlace()
  let page: string[] = []
  const draw = (failure?: string) => {
    const foot = `${new Date().toLocaleTimeString('en-GB')}, every ${every / 1_000} s; Ctrl-C stops`
    const told = failure === undefined ? [] : [output.style('red', failure)]
    const below = render(['', output.style('dim', foot), ...told])
    pane.draw(page, below)
  }
  return {
    show: shown => {
      page = render(shown.text()).split('\n')
      draw()
    },
    fail: error => draw(toMeshError(error, 'internal', 'look again').message),
    end: () => pane.end(),
  }
}

/** Draws over the page before, below what else is on the terminal. */
async function inPlace(): Promise<FullScreen> {
  const { createLogUpdate } = await import('log-update')
  const update = createLogUpdate(process.stdout)
  return {
    draw: (page, foot) => update([...fitted(page, process.stdout.rows), foot].join('\n')),
    end: () => update.done(),
  }
}
