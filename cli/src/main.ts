import { runProgram } from './program.ts'

// `agent-mesh peers | head -1`: who reads has seen enough.
process.stdout.on('error', error => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0)
  throw error
})

// Set, not exited with: what is written to a pipe must still get out.
process.exitCode = await runProgram(process.argv.slice(2))
