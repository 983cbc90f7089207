/** docs/tutorial.md, run as it stands there, in its order; only ports, the token and the place of its files are replaced. */
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { endChild, readyLine, runCommand, spawnCommand } from '../support/command.ts'

const checkout = join(import.meta.dirname, '..', '..')
const patience = { timeout: 60_000, interval: 200 }

let parts: string[]
let home: string
/** In the checkout, as on the page: there its packages are found. */
let folder: string
/** What runs in the foreground, by context. */
const terminals = new Map<string, ChildProcess>()
let token = ''

const env = () => ({ XDG_DATA_HOME: home })
const contextOf = (line: string) => /--context (\S+)/.exec(line)?.[1] ?? 'default'
/** The fenced blocks of a part, in a language or in none. */
const blocks = (part: string, wanted: string): string[] =>
  [...part.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].flatMap(([, language, block = '']) =>
    language === wanted ? [block] : [],
  )

const argumentsOf = (line: string): string[] =>
  line
    .replace(/ # .*/, '')
    .replace('127.0.0.1:8440', '127.0.0.1:0')
    .replace('/tcp/4001', '/tcp/0')
    .replace('TOKEN', token)
    .replace(/(greetings\.ts|policy\.json)/, name => join(folder, name))
    .replace(/^npx agent-mesh /, '')
    .split(' ')

/** Ctrl-C in the terminal of a context. */
async function stop(context: string): Promise<void> {
  const child = terminals.get(context)
  terminals.delete(context)
  if (child !== undefined) await endChild(child, 'SIGINT')
}

/** Starts what stays in the foreground, until it is ready. */
async function start(line: string): Promise<void> {
  await stop(contextOf(line))
  const child = spawnCommand(argumentsOf(line), env())
  terminals.set(contextOf(line), child)
  await readyLine(child)
}

/** @param line ends in the exit code that the page says, when it is not 0 */
async function run(line: string): Promise<string> {
  const code = Number(/# exit code (\d+)/.exec(line)?.[1] ?? 0)
  const ran = await runCommand(argumentsOf(line), env())
  expect(ran.code, `${line}: ${ran.stdout}${ran.stderr}`).toBe(code)
  token = /amj1\.[\w.-]+/.exec(ran.stdout)?.[0] ?? token
  return ran.stdout + ran.stderr
}

/** Runs the lines of a part, and returns what the last one of each said. A change reaches members after the command ended. */
async function follow(index: number): Promise<Map<string, string>> {
  const said = new Map<string, string>()
  const lines = blocks(parts[index] ?? '', 'sh').flatMap(block => block.trim().split('\n'))
  expect(lines, `part ${index}`).not.toEqual([])
  for (const line of lines)
    if (/ (up|relay|control-plane) --/.test(line)) await start(line)
    else said.set(line, await vi.waitFor(() => run(line), patience))
  return said
}

beforeAll(async () => {
  parts = (await readFile(join(checkout, 'docs', 'tutorial.md'), 'utf8')).split(/^## /m)
  home = await mkdtemp(join(tmpdir(), 'tutorial-'))
  folder = await mkdtemp(join(checkout, 'examples', '.tutorial-'))
})

afterAll(async () => {
  for (const context of [...terminals.keys()].reverse()) await stop(context)
  for (const each of [home, folder]) await rm(each, { recursive: true, force: true })
})

test('two agents join a new mesh, find each other and call', async () => {
  await follow(1)
  const said = await follow(2)
  const [peers = ''] = [...said.keys()].filter(line => line.endsWith(' peers'))
  // She learns of him after he is ready; the reader takes longer to type.
  await vi.waitFor(async () => expect(await run(peers)).toContain('bob'), patience)
  await follow(3)
})

test('a service of the page is served, described and called, and refuses what its contract refuses', async () => {
  await writeFile(join(folder, 'greetings.ts'), blocks(parts[4] ?? '', 'ts')[0] ?? '')
  const said = await follow(4)
  const [answer = ''] = blocks(parts[4] ?? '', '')
  expect(said.get('npx agent-mesh --context alice call greetings.hello -f name=Ada')).toBe(answer)
  expect(said.get('npx agent-mesh --context alice call greetings.hello -f name= # exit code 2')).toContain(
    'name: Too small',
  )
})

test('an agent that does not listen calls through a relay', async () => {
  const said = await follow(5)
  expect(said.get('npx agent-mesh --context carol call greetings.hello -f name=Carol')).toBe(
    '"Hello, Carol."\n',
  )
  expect(said.get('npx agent-mesh --context carol path bob')).toContain('Calls to bob use a relay.')
})

test('the policy of the page lets alice call and refuses carol, who is then revoked', async () => {
  await writeFile(join(folder, 'policy.json'), blocks(parts[6] ?? '', 'json')[0] ?? '')
  await follow(6)
  const [revocation = ''] = blocks(parts[7] ?? '', 'sh')
  const [revoke = '', tail = '', verify = ''] = revocation.trim().split('\n')
  await run(revoke)
  expect(await run(tail)).toMatch(/revoke.*carol/)
  await run(verify)
})

test('nothing is left once the processes have stopped and the contexts are removed', async () => {
  for (const context of [...terminals.keys()].reverse()) await stop(context)
  const [, removal = ''] = blocks(parts[7] ?? '', 'sh')
  for (const line of removal.trim().split('\n')) await run(line)
  expect(
    ['alice', 'bob', 'carol', 'relay', 'default'].filter(name => existsSync(join(home, 'agent-mesh', name))),
  ).toEqual([])
})
