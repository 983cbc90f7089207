import { Option } from 'commander'

import { assistants, clientConfig, configPlaces, type Assistant } from '../mcp/client-config.ts'
import { ownCommand } from '../own-command.ts'
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

Examples:
  $ agent-mesh mcp --print-config claude
  $ claude mcp add mesh -- agent-mesh mcp
  $ agent-mesh --context staging mcp --print-config vscode

Exit codes: 0 the assistant has closed its end, 3 no agent runs in this context, 130 interrupted.`,
    )
  onCall<Options, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { printConfig: assistant } = options
    if (assistant !== undefined) {
      const [program, ...args] = ownCommand()
      const config = clientConfig(assistant, program, [...args, 'mcp', '--data', settings.data])
      process.stderr.write(`For ${configPlaces[assistant]}:\n`)
      return output.result(config, () => JSON.stringify(config, null, 2).split('\n'))
    }
    const { serveAssistant } = await import('../mcp/serve-stdio.ts')
    await serveAssistant(settings.data, signal)
  })
}
