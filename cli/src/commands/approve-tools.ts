/** `agent-mesh mcp approve`: the tools of an MCP server of this machine, after its owner has read what changed. */
import { MeshError } from '@agent-mesh/protocol/errors'

import type { ToolChange } from '../tool-servers/tool-pins.ts'
import { confirmed } from '../show/confirm.ts'
import type { Output } from '../show/output.ts'
import type { Invocation } from './define.ts'

export interface ApproveOptions {
  yes?: boolean
  hash?: string
}

/** @throws MeshError conflict when the tools change meanwhile, cancelled without a yes, invalid_argument without a terminal */
export async function approveTools(
  {
    settings,
    options,
    output,
    signal,
  }: Pick<Invocation<ApproveOptions>, 'settings' | 'options' | 'output' | 'signal'>,
  server: string | undefined,
): Promise<void> {
  if (server === undefined)
    throw new MeshError('invalid_argument', 'Cannot approve: the name of the MCP server is missing', {
      hint: 'Write it so: agent-mesh mcp approve NAME',
    })
  const { ToolPins } = await import('../tool-servers/tool-pins.ts')
  const pins = new ToolPins(settings.data, server)
  const { hash, changes } = await pins.review()
  const told = (approved: boolean) => ({ name: server, hash, approved, changes })
  if (changes.length === 0)
    return output.result(told(true), () => `The tools of ${server} are approved already.`)
  const isSure = options.yes === true || options.hash !== undefined
  // A program cannot be asked: it decides, and gives the hash.
  if (output.json && !isSure) return output.result(told(false), () => '')
  if (!output.json) output.result(told(false), () => changes.flatMap(each => changeLines(each, output)))
  if (
    !isSure &&
    !(await confirmed(
      `Approve ${changes.length === 1 ? 'this tool' : `these ${changes.length} tools`} of ${server} as shown?`,
      signal,
    ))
  )
    throw new MeshError('cancelled', `Cannot approve ${server}: not confirmed`, {
      hint: 'Answer y, or pass --yes.',
    })
  await pins.approve(options.hash ?? hash)
  output.result(told(true), () => `Approved: ${changes.map(({ name }) => name).join(', ')}.`)
}

/** All on one line each: a text of the server starts no line of its own. */
function changeLines({ name, change, differences }: ToolChange, output: Output): string[] {
  const side = (sign: '-' | '+', json: string | undefined) =>
    json === undefined ? [] : [output.style(sign === '-' ? 'red' : 'green', `    ${sign} ${json}`)]
  return [
    `${output.style('bold', name)}  ${change}`,
    ...differences.flatMap(({ path, before, now }) => [`  ${path}`, ...side('-', before), ...side('+', now)]),
  ]
}
