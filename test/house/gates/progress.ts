/** What shows on stderr that a gate runs: a line that changes on a terminal, one each minute in a log. */
import { clearLine, cursorTo } from 'node:readline'

export interface Progress {
  /** How far it is. */
  readonly say: (text: string) => void
  readonly end: () => void
}

const [onTerminalMs, inLogMs] = [2_000, 60_000]

export function startProgress(
  name: string,
  stderr: NodeJS.WritableStream & { isTTY?: boolean } = process.stderr,
): Progress {
  const began = performance.now()
  let far = ''
  const show = () => {
    const seconds = Math.round((performance.now() - began) / 1000)
    const text = `${name}: ${seconds} s${far}`
    if (!stderr.isTTY) return void stderr.write(`${text}\n`)
    clear()
    stderr.write(text)
  }
  const clear = () => {
    cursorTo(stderr, 0)
    clearLine(stderr, 0)
  }
  const timer = setInterval(show, stderr.isTTY ? onTerminalMs : inLogMs)
  return {
    say: text => (far = `, ${text}`),
    end: () => {
      clearInterval(timer)
      if (stderr.isTTY) clear()
    },
  }
}
