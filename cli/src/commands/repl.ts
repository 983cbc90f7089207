import { join } from 'node:path'

import { exitCodes } from '../exit-codes.ts'
import { onCall, type Register } from './define.ts'

export const registerRepl: Register = (program, finish) => {
  const command = program
    .command('repl')
    .description('a JavaScript prompt in which services are objects')
    .addHelpText(
      'after',
      `
A service is an object, its methods are functions; one whose name is no word of JavaScript, or has a version, is in
"services". A call shows its result, with await or without; a stream shows its messages as they come, and can be iterated.
Tab completes, Ctrl-C cancels the calls and streams that run, .refresh asks again which services there are. Lines are kept in
repl-history in the data folder. Without a terminal, the lines of standard input are run.

  services                all services, by name and by name@version
  call(method, params)    for what .refresh did not find; options: { peer, timeout (ms), idempotent }
  stream(method, params)  the same for a method that streams; options: { peer, timeout (ms), input }
  peers(), status()       what the running agent knows

Examples:
  $ agent-mesh repl
  mesh> await math.add({ a: 1, b: 2 })
  3
  mesh> services['math@1'].add({ a: 1, b: 2 }, { peer: 'web-1', timeout: 500 })
  3
  mesh> for await (const line of log.tail({ file: 'app.log' })) if (line.includes('error')) line
  $ echo 'host.info()' | agent-mesh repl

Exit codes: 0 done, 1 a line without a terminal failed, 3 nothing runs in this context.`,
    )
  onCall(command, finish, async ({ settings, signal }) => {
    const { MeshRepl } = await import('../repl/mesh-repl.ts')
    const { stdin: input, stdout: output } = process
    const interactive = input.isTTY && output.isTTY
    const history = join(settings.data, 'repl-history')
    const repl = new MeshRepl({ folder: settings.data, history, input, output, interactive, signal })
    const isFine = await repl.run()
    if (!interactive && !isFine) return exitCodes.failure
  })
}
