/** Wrong values for every argument and option of every command, with a real control plane and a real agent to ask. */
import type { Command, Option } from 'commander'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { startAgentDaemon } from './daemon/agent-daemon.ts'
import { startControlPlaneDaemon } from './daemon/control-plane-daemon.ts'
import { ownDataFolder } from './data/data-folder.ts'
import { serveLocal } from './local/local-server.ts'
import { createProgram, runProgram } from './program.ts'

const wrong = ['', 'BAD VALUE', '-1', '{', 'x'.repeat(300)]

let root = ''
const stops: (() => Promise<void>)[] = []
const folder = (name: string) => join(root, name)

/** What a command prints with `--json`, and how it ends. */
async function ran(args: readonly string[]): Promise<{ code: number; printed: string }> {
  let printed = ''
  const spies = [process.stdout, process.stderr].map(stream =>
    vi.spyOn(stream, 'write').mockImplementation(chunk => (printed += String(chunk)) !== ''),
  )
  try {
    return { code: await runProgram(['--json', ...args]), printed }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'wrong-'))
  vi.stubEnv('XDG_DATA_HOME', folder('home'))
  const owned = await Promise.all(['cp', 'agent'].map(name => ownDataFolder(folder(name), name)))
  const [, ofAgent] = owned
  if (ofAgent === undefined) throw new Error('the agent has no folder')
  const controlPlane = await startControlPlaneDaemon({
    ...{ folder: folder('cp'), listen: { host: '127.0.0.1', port: 0 }, logLevel: 'silent', store: undefined },
    ...{
      publicUrl: undefined,
      createTable: false,
      restored: false,
      emptyStore: false,
      trustProxy: undefined,
    },
  })
  const { printed } = await ran(['token', 'create', '--data', folder('cp')])
  const { token } = JSON.parse(printed) as { token: string }
  const agent = await startAgentDaemon({
    ...{ folder: ofAgent, joining: { source: token, wait: false }, name: 'web-1', paths: 'any', mdns: false },
    ...{ listen: ['/ip4/127.0.0.1/tcp/0'], logLevel: 'silent', proxy: undefined, drain: 0 },
    signal: new AbortController().signal,
  })
  const servers = [
    await serveLocal(folder('cp'), controlPlane.local),
    await serveLocal(folder('agent'), agent.local),
  ]
  stops.push(...servers.map(server => () => server.stop()), agent.stop, controlPlane.stop)
  stops.push(...owned.map(each => () => each.release()))
  await writeFile(folder('policy.json'), '{"grants":[]}')
})
afterAll(async () => {
  for (const stop of stops) await stop()
  vi.unstubAllEnvs()
  await rm(root, { recursive: true, force: true })
})

/** They start processes, or use an account in the cloud. */
const notRun = ['control-plane', 'demo', 'deploy aws', 'admin init', 'admin restored', 'admin rotate-key']

/** Arguments with which a command would do its work. */
const right: Record<string, readonly string[]> = {
  ...{ describe: ['host'], ping: ['web-2'], path: ['web-2', 'web-3'], call: ['host.info', '{}'] },
  ...{ expose: ['22', '--as=ssh'], unexpose: ['none'], connect: ['web-2:ssh'], forward: ['web-2:ssh'] },
  open: ['web.web-2'],
  ...{ publish: ['alerts.disk', '{}'], subscribe: ['alerts.*', '--count=1'] },
  ...{ 'call-all': ['host.info', '{}'], 'token show': ['I1EPabf-ADDXQ34b'], revoke: ['web-2', '--yes'] },
  ...{
    'token revoke': ['I1EPabf-ADDXQ34b'],
    'members show': ['web-1'],
    'members rename': ['web-2', 'web-3'],
  },
  ...{ 'members tag': ['web-1', '--add=gpu'], 'members move': ['web-2', 'eu-1'] },
  ...{ 'members remove': ['web-2', '--yes'], 'policy set': ['FOLDER/policy.json', '--dry-run'] },
  ...{ 'policy test': ['FOLDER/policy.json'], 'policy explain': ['web-1', 'call', 'service:math.add'] },
  ...{ 'admin backup': ['FOLDER/mesh.backup'], 'admin restore': ['FOLDER/none'], completion: ['bash'] },
  ...{ 'context use': ['other'], 'context remove': ['other', '--yes'], 'context import': ['FOLDER/none'] },
  ...{ 'config check': ['FOLDER/none'], help: ['peers'], up: ['amj1.x'], relay: ['amj1.x', '--stun-port=0'] },
}
const administering = /^(?:token|members|policy|revoke|revocations|health|audit|admin|context export)/

const leaves = (command: Command, path: readonly string[] = []): (readonly [string, Command])[] =>
  command.commands.length === 0
    ? [[path.join(' '), command]]
    : command.commands.flatMap(child => leaves(child, [...path, child.name()]))

/** `--out` is a file. */
const takesValue = ({ long, required, optional }: Option) => (required || optional) && long !== '--out'

/** Each line of the command with one wrong value in it. */
function wrongLines(name: string, command: Command): string[][] {
  const words = (right[name] ?? []).map(word => word.replace('FOLDER', root))
  const line = [...name.split(' '), '--data', folder(administering.test(name) ? 'cp' : 'agent')]
  if (name === 'up' || name === 'relay') line.splice(-1, 1, folder('new'))
  return wrong.flatMap(value => [
    ...command.registeredArguments.map((argument, at) => [
      ...line,
      ...words.slice(at + 1).filter(word => word.startsWith('--')),
      '--',
      ...words.slice(0, at),
      // Files would be written wherever these tests run.
      argument.name() === 'file' ? join(root, value) : value,
      ...words.slice(at + 1).filter(word => !word.startsWith('--')),
    ]),
    ...command.options.filter(takesValue).map(({ long }) => [...line, `${long}=${value}`, ...words]),
  ])
}

const commands = leaves(createProgram(false, () => undefined)).filter(([name]) => !notRun.includes(name))

test.each(commands)(
  'agent-mesh %s tells of a wrong value in the words of its help, not of the API',
  async (name, command) => {
    for (const line of wrongLines(name, command)) {
      const { printed } = await ran(line)
      expect(printed, line.join(' ')).not.toMatch(
        /\/v1\/|Cannot read (?:\w+ )?(?:request|query)|"code":"internal"/,
      )
    }
  },
)

test.each([
  ['token create', '--role', 'Ops'],
  ['token create', '--tag', 'a b'],
  ['token create', '--region', '-eu'],
  ['token create', '--name', 'Web_1'],
  ['token create', '--note', 'two\nlines'],
  ['token create', '--uses', '100001'],
  ['token create', '--expires', '366d'],
  ['members list', '--service', 'Math'],
  ['members tag web-1', '--add', 'GPU'],
  ['call host.info', '--peer', 'a b'],
  ['up', '--name', 'Web_1'],
  ['relay', '--region', 'EU 1'],
])(
  'agent-mesh %s names the option %s whose value is wrong, and asks nobody',
  async (command, option, value) => {
    const { code, printed } = await ran([...command.split(' '), option, value, '--data', folder('none')])
    expect(code).toBe(2)
    const { error } = JSON.parse(printed) as { error: { message: string } }
    expect(error.message).toMatch(new RegExp(`^Cannot use '.*' for ${option} <.*>: it is n`, 's'))
  },
)
