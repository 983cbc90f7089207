import { MeshError } from '@agent-mesh/protocol/errors'
import { Argument, Option } from 'commander'

import { assistants, clientConfig, configPlaces, type Assistant } from '../mcp/client-config.ts'
import { parseLabel } from '../name-arguments.ts'
import { ownCommand } from '../own-command.ts'
import type { Output } from '../show/output.ts'
import { approveTools, type ApproveOptions } from './approve-tools.ts'
import { onCall, type Register } from './define.ts'

interface Options extends ApproveOptions {
  printConfig?: Assistant
}

export const registerMcp: Register = (program, finish) => {
  const command = program
    .command('mcp')
    .description(
      'serve the methods of the mesh as tools to an AI assistant, over MCP on standard input and output',
    )
    .addArgument(
      new Argument(
        '[act]',
        'approve: show what changed in the tools of an MCP server that this machine serves, and approve it',
      ).choices(['approve']),
    )
    .argument('[server]', 'with approve: its name, of agent-mesh up --mcp NAME=COMMAND', parseLabel)
    .addOption(
      new Option('--print-config <assistant>', 'print what the configuration of an assistant needs').choices(
        assistants,
      ),
    )
    .option('-y, --yes', 'with approve: do not ask first')
    .option(
      '--hash <hash>',
      'with approve: approve the tools only if they have this hash, of --json, without asking',
    )
    .addHelpText(
      'after',
      `
An assistant starts this command; it works with the rights of the running agent, and what the policy does not grant is not in its
list. Each call is in the audit log of the member that is called (tool), with the name of the assistant. See docs/mcp.md.

A tool of an MCP server that this machine serves (up --mcp) is refused when its name, description, schema or hints changed, until
it is approved. approve shows each tool that is new, changed or gone, old and new, and asks; with --json it only shows, unless --yes
or --hash is given. Tools that change while it asks are not approved.

Examples:
  $ agent-mesh mcp --print-config claude
  $ claude mcp add mesh -- agent-mesh mcp
  $ agent-mesh --context staging mcp --print-config vscode
  $ agent-mesh mcp approve fs
  $ agent-mesh mcp approve fs --json

Exit codes: 0 the assistant has closed its end, or approved, 3 no agent runs in this context, 7 no MCP server of this name has run
here, 8 its tools changed meanwhile, 130 interrupted.`,
    )
  onCall<Options, ['approve' | undefined, string | undefined]>(
    command,
    finish,
    async (invocation, act, server) => {
      const { settings, options, output, signal } = invocation
      if (act === 'approve') return approveTools(invocation, server)
      const { printConfig: assistant } = options
      if (assistant !== undefined) return printConfig(assistant, settings.data, output)
      mustNotApprove(options)
      const { serveAssistant } = await import('../mcp/serve-stdio.ts')
      await serveAssistant(settings.data, signal)
    },
  )
}

function printConfig(assistant: Assistant, data: string, output: Output): void {
  const [program, ...args] = ownCommand()
  const config = clientConfig(assistant, program, [...args, 'mcp', '--data', data])
  process.stderr.write(`For ${configPlaces[assistant]}:\n`)
  output.result(config, () => JSON.stringify(config, null, 2).split('\n'))
}

/** @throws MeshError invalid_argument */
function mustNotApprove({ yes, hash }: ApproveOptions): void {
  if (yes !== true && hash === undefined) return
  throw new MeshError('invalid_argument', 'Cannot serve an assistant: --yes and --hash go with approve', {
    hint: 'Write it so: agent-mesh mcp approve NAME --hash HASH',
  })
}
