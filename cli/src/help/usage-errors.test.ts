/** The output of a wrong command line, for people and for programs. */
import { expect, test, vi } from 'vitest'

import { runProgram } from '../program.ts'

async function ran(line: string) {
  const printed = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation(chunk => (printed[name] += String(chunk)) !== ''),
  )
  try {
    return { code: await runProgram(line === '' ? [] : line.split(' ')), ...printed }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

/** Command line, message, hint. */
const wrong = [
  ['', 'Cannot run agent-mesh: a command is missing', 'Its commands: up, relay,'],
  ['token', 'Cannot run agent-mesh token: a command is missing', 'Its commands: create, list, show, revoke.'],
  ['frobnicate', `Cannot run the command: unknown command 'frobnicate'`, 'Help: agent-mesh --help'],
  [
    'token frobnicate',
    `Cannot run the command: unknown command 'frobnicate'`,
    'Help: agent-mesh token --help',
  ],
  [
    'help token frobnicate',
    `Cannot run the command: unknown command 'frobnicate'`,
    'Help: agent-mesh help --help',
  ],
  ['call', 'Cannot run the command: argument <method> is missing', 'Help: agent-mesh call --help'],
  [
    'call a.b --timeout',
    'Cannot run the command: --timeout <time> has no value',
    'Help: agent-mesh call --help',
  ],
  [
    'call a.b --timeot 3s',
    `Cannot run the command: unknown option '--timeot' (Did you mean --timeout?)`,
    'Help: agent-mesh call --help',
  ],
  [
    'token show -65Ci1HT9AdW1FIS',
    `Cannot run the command: '-65Ci1HT9AdW1FIS' is not an option; write -- before an id that begins with -`,
    'Help: agent-mesh token show --help',
  ],
  [
    'peers x y',
    `Cannot run the command: 'peers' takes 0 arguments and was given 2 (x, y)`,
    'Help: agent-mesh peers --help',
  ],
  [
    'completion tcsh',
    `Cannot use 'tcsh' as <shell>: allowed choices are bash, zsh, fish.`,
    'Help: agent-mesh completion --help',
  ],
  [
    'up --listen 4001',
    `Cannot use '4001' for --listen <addr>: it is not HOST:PORT, nor a TCP or WebSocket address (0.0.0.0:4001, /ip4/0.0.0.0/tcp/443/ws).`,
    'Help: agent-mesh up --help',
  ],
  [
    'ping web-1 --count 0',
    `Cannot use '0' for --count <n>: it is not a whole number from 1 to 1,000,000.`,
    'Help: agent-mesh ping --help',
  ],
] as const

test.each(wrong)('agent-mesh %s --json is an error for programs alone', async (line, message, hint) => {
  const { code, stdout, stderr } = await ran(`--json ${line}`.trim())
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
  expect(JSON.parse(stdout)).toEqual({
    error: { code: 'invalid_argument', message, hint: expect.stringContaining(hint) as string },
  })
})

test.each(wrong.filter(([line]) => line !== '' && line !== 'token'))(
  'agent-mesh %s says the same to people, with the usage',
  async (line, message) => {
    const { code, stdout, stderr } = await ran(line)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(`error: ${message}\nUsage: agent-mesh`)
  },
)

test.each(['', 'token'])('agent-mesh %s without a command shows its help to people', async line => {
  expect(await ran(line)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage:') })
})

test('agent-mesh help shows the help of a command at any depth', async () => {
  expect(await ran('help token create')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Usage: agent-mesh token create'),
  })
})
