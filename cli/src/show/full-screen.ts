/** A page on the other screen of a terminal: what was on the terminal before is there again afterwards, however the command ends. */
import { fitted } from './fitted.ts'

/** Other screen, no cursor, lines are cut at the right edge; and back. */
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l'
const home = '\u001b[H'
const restOfLine = '\u001b[K'
const restOfScreen = '\u001b[J'

type Terminal = Pick<NodeJS.WriteStream, 'write' | 'on' | 'off' | 'rows'>

export interface FullScreen {
  /** @param foot stays in view, whatever the page is cut to */
  draw(page: readonly string[], foot: string): void
  /** Idempotent. */
  end(): void
}

export function fullScreen(terminal: Terminal = process.stdout): FullScreen {
  let last: [readonly string[], string] | undefined
  const draw = (page: readonly string[], foot: string) => {
    last = [page, foot]
    const lines = [...fitted(page, terminal.rows), ...foot.split('\n')]
    terminal.write(home + lines.map(line => line + restOfLine).join('\r\n') + restOfScreen)
  }
  const again = () => last !== undefined && draw(...last)
  let ended = false
  const end = () => {
    if (ended) return
    ended = true
    terminal.off('resize', again)
    process.off('exit', end)
    terminal.write(leave)
  }
  terminal.on('resize', again)
  // A second Ctrl-C ends the process at once.
  process.on('exit', end)
  terminal.write(enter)
  return { draw, end }
}
