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
    .description('check a configuration file; each fault with its line and column')
    .argument('[file]', 'YAML or JSON; - for standard input (default: --config, AGENT_MESH_CONFIG)')
    .addHelpText(
      'after',
      `
Examples:
  $ agent-mesh config check agent-mesh.yaml
  $ agent-mesh config check agent-mesh.yaml --json | jq '.problems[]'

Exit codes: 0 nothing is wrong, 2 something is, 7 there is no such file.`,
    )
  command.action(async (given: string | undefined) => {
    const options = command.optsWithGlobals<GlobalOptions>()
    const file = given ?? configPath(options, environment())
    if (file === undefined)
      throw new MeshError('invalid_argument', 'Cannot check a configuration: no file is named', {
        hint: 'Name it, or pass --config FILE or AGENT_MESH_CONFIG.',
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
A configuration file is named with --config FILE or AGENT_MESH_CONFIG. A setting of the command line wins over the
environment, that over the file, that over the default. All settings: docs/configuration.md.`,
  commands: [registerCheck],
})
