import { MeshError } from '@agent-mesh/protocol/errors'

import type { ConfigProblem } from '../config/config.ts'
import { readConfig } from '../config/config-file.ts'
import { rootOf } from '../config/prepare.ts'
import { exitCodes } from '../exit-codes.ts'
import { configPath, environment, type GlobalOptions } from '../settings.ts'
import { createOutput, type Output } from '../show/output.ts'
import type { Text } from '../show/text.ts'
import { readSettings } from '../settings.ts'
import { groupOf, type Register } from './define.ts'

/** `agent-mesh config check`: reads a file that may be wrong, so it runs without one. */
const registerCheck: Register = (config, finish) => {
  const command = config
    .command('check')
    .description('check a configuration file, and report each fault with line and column')
    .argument('[file]', 'YAML or JSON file, or - for standard input (default: --config, AGENT_MESH_CONFIG)')
    .addHelpText(
      'after',
      `
Examples:
  $ agent-mesh config check agent-mesh.yaml
  $ agent-mesh config check agent-mesh.yaml --json | jq '.problems[]'

Exit codes: 0 valid, 2 invalid, 7 there is no such file.`,
    )
  command.action(async (given: string | undefined) => {
    const options = command.optsWithGlobals<GlobalOptions>()
    const file = given ?? configPath(options, environment())
    if (file === undefined)
      throw new MeshError('invalid_argument', 'Cannot check a configuration: no file is given', {
        hint: 'Pass the file as argument, or use --config FILE or AGENT_MESH_CONFIG.',
      })
    const { values, problems } = await readConfig(file, rootOf(command))
    const output = createOutput(readSettings(options))
    const names = [...values.keys()]
    output.result({ file, ok: problems.length === 0, settings: names, problems }, () =>
      checkText(file, names, problems, output),
    )
    if (problems.length > 0) finish(exitCodes.usage)
  })
}

function checkText(
  file: string,
  names: readonly string[],
  problems: readonly ConfigProblem[],
  output: Output,
): Text {
  if (problems.length > 0)
    return problems.map(({ line, column, reason }) => `${file}:${line}:${column}: ${reason}`)
  return `${file}: ${output.style('green', 'ok')}, ${names.length} settings`
}

export const registerConfig = groupOf({
  name: 'config',
  description: 'the configuration file of up, relay and control-plane',
  help: `
--config FILE or AGENT_MESH_CONFIG names a configuration file. The command line takes precedence over the environment, the
environment over the file, and the file over the defaults. docs/configuration.md lists all settings.`,
  commands: [registerCheck],
})
