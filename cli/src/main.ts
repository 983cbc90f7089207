import { runProgram } from './program.ts'

// `agent-mesh peers | head -1`: who reads has seen enough.
process.stdout.on('error', error => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0)
  throw error
})

const code = await runProgram(process.argv.slice(2))
// What is written to a pipe must still get out; then the process ends at once: libraries leave timers of a second.
await Promise.all([process.stdout, process.stderr].map(flushed))
process.exit(code)

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed || stream.writableEnded) return resolve()
    stream.once('error', () => resolve())
    stream.write('', () => resolve())
  })
}
