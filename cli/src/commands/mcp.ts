import { MeshError } from '@agent-mesh/protocol/errors'
import { Argument, Option } from 'commander'

import { assistants, clientConfig, configPlaces, type Assistant } from '../mcp/client-config.ts'
import { parseLabel } from '../name-arguments.ts'
import { ownCommand } from '../own-command.ts'
import type { Output } from '../show/output.ts'
import { onCall, type Register } from './define.ts'

interface Options {
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
        'approve: the tools of an MCP server that this machine serves, as they are now',
      ).choices(['approve']),
    )
    .argument('[server]', 'with approve: its name, of agent-mesh up --mcp NAME=COMMAND', parseLabel)
    .addOption(
      new Option('--print-config <assistant>', 'print what the configuration of an assistant needs').choices(
        assistants,
      ),
    )
    .addHelpText(
      'after',
      `
An assistant starts this command; it works with the rights of the running agent, and what the policy does not grant is not in its
list. Each call is in the audit log of the member that is called (tool), with the name of the assistant. See docs/mcp.md.

A tool of an MCP server that this machine serves (up --mcp) is refused when its name, description or schema changed, until it is
approved.

Examples:
  $ agent-mesh mcp --print-config claude
  $ claude mcp add mesh -- agent-mesh mcp
  $ agent-mesh --context staging mcp --print-config vscode
  $ agent-mesh mcp approve fs

Exit codes: 0 the assistant has closed its end, 3 no agent runs in this context, 130 interrupted.`,
    )
  onCall<Options, ['approve' | undefined, string | undefined]>(
    command,
    finish,
    async (invocation, act, server) => {
      const { settings, options, output, signal } = invocation
      if (act === 'approve') return approve(settings.data, server, output)
      const { printConfig: assistant } = options
      if (assistant !== undefined) {
        const [program, ...args] = ownCommand()
        const config = clientConfig(assistant, program, [...args, 'mcp', '--data', settings.data])
        process.stderr.write(`For ${configPlaces[assistant]}:\n`)
        return output.result(config, () => JSON.stringify(config, null, 2).split('\n'))
      }
      const { serveAssistant } = await import('../mcp/serve-stdio.ts')
      await serveAssistant(settings.data, signal)
    },
  )
}

async function approve(data: string, server: string | undefined, output: Output): Promise<void> {
  if (server === undefined)
    throw new MeshError('invalid_argument', 'Cannot approve: the name of the MCP server is missing', {
      hint: 'Write it so: agent-mesh mcp approve NAME',
    })
  const { ToolPins } = await import('../tool-servers/tool-pins.ts')
  const tools = await new ToolPins(data, server).approve()
  output.result({ name: server, tools }, () =>
    tools.length === 0 ? `The tools of ${server} are approved already.` : `Approved: ${tools.join(', ')}.`,
  )
}
