import { once } from 'node:events'
import { Option } from 'commander'

import { parseLoopback } from '../arguments.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  listen: { host: string; port: number }
  agent?: string
}

export const registerPage: Register = (program, finish) => {
  const command = program
    .command('page')
    .description('serve a page for the browser of this machine: members, paths, services, policy')
    .addOption(
      new Option('--listen <host:port>', 'loopback address to listen on')
        .argParser(parseLoopback)
        .default({ host: '127.0.0.1', port: 0 }, 'a free port of 127.0.0.1'),
    )
    .option(
      '--agent <context>',
      'context or data folder of the agent of this machine, when the admin key is in another one',
    )
    .addHelpText(
      'after',
      `
Runs until Ctrl-C. It prints an address that opens the page once, in one browser. Members come from the control plane,
asked with the admin key of the context, and from the agent of this machine; either is enough. The key stays in this process.

Examples:
  $ agent-mesh page
  $ agent-mesh --context cp page --agent default
  $ agent-mesh page --listen 127.0.0.1:8450 --json

With --json the first line is {"event": "ready", "url", "oneTimeUrl"}.`,
    )
  onCall<Options, []>(command, finish, async ({ settings, options, output, signal }) => {
    const [{ pageSource }, { servePage }, { dataFolderOf }] = await Promise.all([
      import('../page/page-source.ts'),
      import('../page/page-server.ts'),
      import('../page/agent-folder.ts'),
    ])
    const source = await pageSource(settings, dataFolderOf(options.agent, settings.data))
    const { url, oneTimeUrl, stop } = await servePage(source, options.listen)
    try {
      output.result({ event: 'ready', url, oneTimeUrl }, () => [
        `The page is at ${oneTimeUrl}`,
        'The address opens it once, in one browser of this machine. Ctrl-C stops it.',
      ])
      if (!signal.aborted) await once(signal, 'abort')
    } finally {
      await stop()
    }
  })
}
