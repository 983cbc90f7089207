import { printable } from '@agent-mesh/protocol/printable'
import type { Ora } from 'ora'

import { commandDefaults } from '../defaults.ts'
import type { Settings } from '../settings.ts'

/**
 * Runs `work` and, when it takes longer than 2 s and stderr is a terminal, shows there what is being done.
 * `say` changes the text meanwhile.
 */
export async function withProgress<T>(
  { interactive, json }: Pick<Settings, 'interactive' | 'json'>,
  text: string,
  work: (say: (text: string) => void) => Promise<T>,
): Promise<T> {
  let current = text
  let spinner: Ora | undefined
  let ended = false
  const show = async () => {
    const { default: ora } = await import('ora')
    // Input stays as it is: Ctrl-C must still reach the command.
    if (!ended)
      spinner = ora({ text: printable(current), stream: process.stderr, discardStdin: false }).start()
  }
  const timer =
    interactive && !json ? setTimeout(() => void show(), commandDefaults.progressAfterMs) : undefined
  try {
    return await work(next => {
      current = next
      if (spinner !== undefined) spinner.text = printable(next)
    })
  } finally {
    ended = true
    clearTimeout(timer)
    spinner?.stop()
  }
}
