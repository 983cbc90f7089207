import { MeshError } from '@agent-mesh/protocol/errors'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/**
 * Asks on the terminal for text that is not shown while it is typed.
 * @throws MeshError invalid_argument when there is no terminal
 */
export async function askSecret(question: string, signal: AbortSignal): Promise<string> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true)
    throw new MeshError(
      'invalid_argument',
      'Cannot ask for the passphrase: stdin or stderr is not a terminal',
      {
        hint: 'Pass --passphrase-file FILE.',
      },
    )
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  process.stderr.write(`${question}: `)
  try {
    return await terminal.question('', { signal })
  } finally {
    terminal.close()
    process.stderr.write('\n')
  }
}
