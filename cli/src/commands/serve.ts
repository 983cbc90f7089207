import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { InvalidArgumentError } from 'commander'

import { collect } from '../arguments.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  http: { service: string; url: string }
  method?: string[]
}

export const registerServe: Register = (program, finish) => {
  const command = program
    .command('serve')
    .description('serve a program of this machine that speaks HTTP, in any language, as a service')
    .requiredOption(
      '--http <service=url>',
      'name of the service, and where its program answers (math=http://127.0.0.1:9000)',
      parseProgram,
    )
    .option(
      '--method <name>',
      'a method that it has; may be repeated (default: as the program describes them)',
      (text: string, before: string[] | undefined) => collect(text, before),
    )
    .addHelpText(
      'after',
      `
A call of math.add becomes POST http://127.0.0.1:9000/add with the params as JSON and the headers Mesh-Peer, Mesh-Name,
Mesh-Roles and Mesh-Timeout. The program describes its methods at /.well-known/agent-mesh.json; run the command again when they
change. A service is served again when the agent starts, until "unserve". Programs in Node use "up --serve".

Examples:
  $ agent-mesh serve --http math=http://127.0.0.1:9000
  $ agent-mesh serve --http math@2=http://127.0.0.1:9000/v2 --method add --method sub`,
    )
  onCall<Options, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { localClient } = await import('../local/local-client.ts')
    const { http, method } = options
    const client = localClient(settings.data, signal)
    const served = await client.serve({ ...http, ...(method !== undefined && { methods: method }) })
    output.result(served, () => [
      `Serving ${served.service} from ${served.url}: ${served.methods.map(({ name }) => name).join(', ')}.`,
      `Members call it with "agent-mesh call ${served.service.replace(/@1$/, '')}.${served.methods[0]!.name}".`,
    ])
  })
}

/** `math=http://127.0.0.1:9000`, version 1 unless it is `math@2=…`. */
function parseProgram(text: string): Options['http'] {
  const at = text.indexOf('=')
  const [name, url] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)]
  const service = name.includes('@') ? name : `${name}@1`
  if (!fieldForms.serviceRef.pattern.test(service) || URL.parse(url)?.protocol !== 'http:')
    throw new InvalidArgumentError('It is not SERVICE=URL, like math=http://127.0.0.1:9000.')
  return { service, url }
}
