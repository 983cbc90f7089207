import { MeshError } from '@agent-mesh/protocol/errors'
import { printable } from '@agent-mesh/protocol/printable'
import { createInterface } from 'node:readline/promises'

/**
 * Asks on the terminal; anything but yes is no.
 * @throws MeshError invalid_argument when there is no terminal
 */
export async function confirmed(question: string, signal: AbortSignal): Promise<boolean> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true)
    throw new MeshError(
      'invalid_argument',
      'Cannot ask for confirmation: stdin or stderr is not a terminal',
      {
        hint: 'Confirm with --yes.',
      },
    )
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(?:es)?$/i.test((await terminal.question(`${printable(question)} [y/N] `, { signal })).trim())
  } finally {
    terminal.close()
  }
}
