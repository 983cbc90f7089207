import type { Command } from 'commander'

import { prepare, type Prepared } from '../config/prepare.ts'
import type { ExitCode } from '../exit-codes.ts'
import type { GlobalOptions, Settings } from '../settings.ts'
import { createOutput, type Output } from '../show/output.ts'
import { listenForSignals, type Signals } from './signals.ts'

/** Takes the exit code of a command when that is not 0. */
export type Finish = (code: ExitCode) => void

/** Adds a command to the program or to the command it belongs to. */
export type Register = (parent: Command, finish: Finish) => void

/** A command that does nothing itself: it holds others. */
export const groupOf =
  (group: { name: string; description: string; help?: string; commands: readonly Register[] }): Register =>
  (parent, finish) => {
    const command = parent.command(group.name).description(group.description)
    if (group.help !== undefined) command.addHelpText('after', group.help)
    for (const register of group.commands) register(command, finish)
  }

/** The input of a command when it runs. */
export interface Invocation<Options> {
  options: Options
  settings: Settings
  output: Output
  /** Aborts at Ctrl-C, SIGTERM or the end of the terminal. */
  signal: AbortSignal
  /** For long-running processes: their settings, and a listener for changes. */
  reload: Pick<Prepared, 'resolved' | 'again'> & Pick<Signals, 'onReload'>
}

/**
 * Runs `run` when the command is called. It throws MeshError or returns an exit code (none: 0); while it runs, the
 * first signal aborts `signal` and a second one, later than what launcher and terminal repeat, ends the process.
 */
export function onCall<Options extends object, Arguments extends unknown[]>(
  command: Command,
  finish: Finish,
  run: (invocation: Invocation<Options>, ...args: Arguments) => Promise<ExitCode | void>,
): void {
  command.action(async (...all: unknown[]) => {
    const args = all.slice(0, -2) as Arguments
    const { settings, resolved, again } = await prepare(command)
    const options = command.optsWithGlobals<Options & GlobalOptions>()
    const { signal, onReload, stop } = listenForSignals()
    try {
      const reload = { resolved, again, onReload }
      const code = await run({ options, settings, output: createOutput(settings), signal, reload }, ...args)
      if (code !== undefined) finish(code)
    } finally {
      stop()
    }
  })
}
