import './umask.ts'
import { runProgram } from './program.ts'

for (const stream of [process.stdout, process.stderr])
  stream.on('error', error => {
    const code = 'code' in error ? error.code : undefined
    // `agent-mesh peers | head -1`: the reader closed the pipe.
    if (code === 'EPIPE' && stream === process.stdout) process.exit(0)
    // Output to a file on a full disk, or to a terminal that has closed, is lost; the process continues.
    if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EIO') throw error
  })

const code = await runProgram(process.argv.slice(2))
// Output to a pipe is flushed; then the process exits at once: libraries leave timers of a second.
await Promise.all([process.stdout, process.stderr].map(flushed))
process.exit(code)

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed || stream.writableEnded) return resolve()
    stream.once('error', () => resolve())
    stream.write('', () => resolve())
  })
}
