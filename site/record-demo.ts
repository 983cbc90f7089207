/** `npm run docs:demo`: runs `agent-mesh demo --once` in a terminal and draws docs/demo.svg from what it shows. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { drawn, shortened, type Shown } from './recording.ts'

const checkout = join(import.meta.dirname, '..')
const command = 'agent-mesh demo --once'
/** s; a reader waits no longer for the next line. */
const longestPause = 1.5

const began = performance.now()
const lines: Shown[] = [{ at: 0, text: `$ ${command}` }]
// `script` of util-linux gives the command a terminal, so that it shows its colours.
const child = spawn('script', ['-qefc', `stty cols 100; ${command}`, '/dev/null'], {
  cwd: checkout,
  stdio: ['ignore', 'pipe', 'inherit'],
})
child.on('error', error => {
  throw new Error(`Cannot record the demo: ${error.message}; script is part of util-linux`)
})
const ended = new Promise<number | null>(resolve => child.on('close', resolve))
for await (const text of createInterface({ input: child.stdout })) {
  lines.push({ at: (performance.now() - began) / 1000, text: text.replace(/\r$/, '') })
  console.log(text)
}
const code = await ended
if (code !== 0) throw new Error(`Cannot record the demo: ${command} ended with ${code}`)
writeFileSync(
  join(checkout, 'docs', 'demo.svg'),
  drawn(`${command}, pauses over ${longestPause} s shortened`, shortened(lines, longestPause)),
)
