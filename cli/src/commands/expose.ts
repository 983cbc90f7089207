import type { LocalPort } from '@agent-mesh/protocol/local-ports'
import { MeshError } from '@agent-mesh/protocol/errors'
import { hostPort } from '@agent-mesh/protocol/host-port'

import { parseListen } from '../arguments.ts'
import { collectSelectors, parsePortName } from '../name-arguments.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  as: string
  allow?: string[]
}

export const registerExpose: Register = (program, finish) => {
  const command = program
    .command('expose')
    .description('let other members connect to a port that this machine reaches')
    .argument('<target>', 'PORT or HOST:PORT; or http, with the target behind it')
    .argument('[http-target]', 'PORT or HOST:PORT of a program that speaks HTTP', parseListen)
    .requiredOption('--as <name>', 'what the others and the policy know it by (port:NAME)', parsePortName)
    .option(
      '--allow <selector>',
      'open it for these members only (role:ops, tag:web, name:…); may be repeated',
      collectSelectors,
    )
    .addHelpText(
      'after',
      `
The policy of the mesh must grant it, too: "connect" on port:NAME, which no member has by default. A port stays exposed when the
agent starts again, until "unexpose". With http, requests get the headers Mesh-Peer, Mesh-Name and Mesh-Roles of the member
that sends them, and forged ones are left out.

Examples:
  $ agent-mesh expose 22 --as ssh --allow tag:ops
  $ agent-mesh expose 192.168.1.20:5432 --as db
  $ agent-mesh expose http 3000 --as grafana`,
    )
  onCall<Options, [string, Address | undefined]>(
    command,
    finish,
    async ({ settings, options, output, signal }, target, httpTarget) => {
      const { localClient } = await import('../local/local-client.ts')
      const { as: name, allow } = options
      const exposed = { name, ...targetOf(target, httpTarget), ...(allow !== undefined && { allow }) }
      await localClient(settings.data, signal).expose(exposed)
      output.result(exposed, () => [
        `Exposed ${hostPort(exposed)} as ${name}. Members connect with "agent-mesh forward THIS_MEMBER:${name}"`,
        `if the policy grants them connect on port:${name}.`,
      ])
    },
  )
}

interface Address {
  host: string
  port: number
}

/** @throws MeshError invalid_argument */
function targetOf(
  target: string,
  httpTarget: Address | undefined,
): Pick<LocalPort, 'kind' | 'host' | 'port'> {
  if (target === 'http') {
    if (httpTarget !== undefined) return { kind: 'http', ...reached(httpTarget) }
    throw new MeshError('invalid_argument', 'Cannot expose: the target behind http is missing', {
      hint: 'Write it so: agent-mesh expose http 3000 --as NAME',
    })
  }
  if (httpTarget !== undefined)
    throw new MeshError('invalid_argument', `Cannot expose: two targets, and the first is not http`)
  return { kind: 'tcp', ...reached(addressOf(target)) }
}

function addressOf(text: string): Address {
  try {
    return parseListen(text)
  } catch {
    throw new MeshError('invalid_argument', `Cannot expose '${text}': it is neither PORT nor HOST:PORT`)
  }
}

/** @throws MeshError invalid_argument for all addresses, which only a listener can have */
function reached({ host, port }: Address): Address {
  if (host !== '0.0.0.0' && port !== 0) return { host, port }
  throw new MeshError('invalid_argument', 'Cannot expose: name one host and one port')
}
