/** Effects of Ctrl-C, SIGTERM and SIGHUP on a command. */
import { closeSync, openSync } from 'node:fs'

import { commandDefaults } from '../defaults.ts'

export interface Signals {
  /** Aborts at Ctrl-C, SIGTERM or the end of the terminal. */
  readonly signal: AbortSignal
  /** Called at a SIGHUP that is not the end of the terminal; without a listener that changes nothing. */
  onReload(listener: () => void): void
  stop(): void
}

/** The first signal aborts; a second one, later than what launcher and terminal repeat, ends the process. */
export function listenForSignals(): Signals {
  const controller = new AbortController()
  const listeners: (() => void)[] = []
  let first: number | undefined
  const onSignal = () => {
    if (first !== undefined && performance.now() - first > commandDefaults.sameSignalMs) process.exit(130)
    first ??= performance.now()
    controller.abort()
  }
  const onHangup = () => {
    if (terminalClosed()) return onSignal()
    for (const listener of listeners) listener()
  }
  const handlers = [
    ['SIGINT', onSignal],
    ['SIGTERM', onSignal],
    ['SIGHUP', onHangup],
  ] as const
  for (const [name, handler] of handlers) process.on(name, handler)
  return {
    signal: controller.signal,
    onReload: listener => void listeners.push(listener),
    stop: () => {
      for (const [name, handler] of handlers) process.off(name, handler)
    },
  }
}

/**
 * Whether a SIGHUP is that of a closed terminal. Node forgets at its start that nohup had it ignore the signal; but then
 * neither output is a terminal. One that was sent by hand leaves the terminal open.
 */
function terminalClosed(): boolean {
  if (process.platform === 'win32') return true
  if (process.stdout.isTTY !== true && process.stderr.isTTY !== true) return false
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return false
  } catch {
    return true
  }
}
