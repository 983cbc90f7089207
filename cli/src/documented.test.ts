/** The documents about the command, compared with the command itself; nothing is run. */
import type { Command } from 'commander'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import { exitCodeMeanings, exitCodes } from './exit-codes.ts'
import { environmentHelp } from './help/environment.ts'
import { createProgram } from './program.ts'

const checkout = join(import.meta.dirname, '..', '..')
const read = (file: string) => readFileSync(join(checkout, file), 'utf8')
const pages = ['README.md', 'SECURITY.md', ...readdirSync(join(checkout, 'docs')).map(name => `docs/${name}`)]

/** A command and all below it. */
const tree = (command: Command): Command[] => [command, ...command.commands.flatMap(tree)]

const pathOf = (command: Command): string =>
  command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim()

/** Parses as it is, and does nothing. */
function idleProgram(): Command {
  const program = createProgram(true, () => undefined)
  const quiet = { writeOut: () => undefined, writeErr: () => undefined }
  for (const command of tree(program)) {
    command.exitOverride().configureOutput(quiet)
    if (command.commands.length === 0) command.action(() => undefined)
  }
  return program
}

const helpOf = (command: Command): string => {
  let help = ''
  command.configureOutput({ writeOut: text => void (help += text) }).outputHelp()
  return help
}

/** Words of a shell line, up to what the shell does with its output. */
const words = (line: string): string[] =>
  [
    ...line
      .replaceAll(/"\$\([^)]*\)"/g, 'TOKEN')
      .replace(/\s(?:[|>#]|2>).*$/, '')
      .matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g),
  ].map(([, single, double, plain]) => filledIn(single ?? double ?? plain ?? ''))

/** What stands for a value, with one: `NAME`, `ID`. */
const filledIn = (word: string): string =>
  word === 'ID' ? 'I1EPabf-ADDXQ34b' : /^[A-Z]+$/.test(word) ? word.toLowerCase() : word

/** Lines of code blocks, and code within text that is a whole command: no placeholders of grammar in it. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/^\s*(?:\$ )?(?:npx )?agent-mesh +(\S.*)$/gm)]
  const inline = [...text.matchAll(/`(?:npx )?agent-mesh ([^`]+)`/g)]
  return [...blocks, ...inline].map(([, line = '']) => line.trim()).filter(line => !/[[…]|COMMAND/.test(line))
}

const taken = async (line: string): Promise<string> => {
  try {
    await idleProgram().parseAsync(words(line), { from: 'user' })
    return 'taken'
  } catch (error) {
    const { message, exitCode } = error as Error & { exitCode?: number }
    if (message === '(outputHelp)') return 'taken, and shows its help'
    return exitCode === 0 ? 'taken' : message
  }
}

test.each(pages.filter(page => page.endsWith('.md')))(
  'every command line of %s is one that the command takes',
  async page => {
    for (const line of commandLines(read(page))) expect(await taken(line), line).toMatch(/^taken/)
  },
)

test('every command line of a runbook does something', async () => {
  const lines = commandLines(read('docs/alerts.md'))
  expect(lines.length).toBeGreaterThan(10)
  for (const line of lines) expect(await taken(line), line).toBe('taken')
})

test('every example of --help is one that the command takes', async () => {
  let examples = 0
  for (const command of tree(idleProgram())) {
    for (const [, line = ''] of helpOf(command).matchAll(/^ {2}\$ agent-mesh +(\S.*?)(?: {2,}.*)?$/gm)) {
      examples++
      expect(await taken(line), `${pathOf(command)} --help: ${line}`).toBe('taken')
    }
  }
  expect(examples).toBeGreaterThan(50)
})

test('the help of every command that does something has an example of it', () => {
  const without = tree(idleProgram())
    .filter(({ commands }) => commands.length === 0)
    .filter(command => !helpOf(command).includes(`  $ agent-mesh ${pathOf(command)}`))
  expect(without.map(pathOf)).toEqual([])
})

test('agent-mesh --help lists its commands in groups, none outside', () => {
  const headings = helpOf(idleProgram()).match(/^[A-Z][a-z]+:$/gm)
  expect(headings).toEqual(
    [
      'Options',
      'Run',
      'Look',
      'Call',
      'Ports',
      'Machines',
      'Programs',
      'Develop',
      'Administer',
      'Operate',
      'Environment',
      'Examples',
    ].map(heading => `${heading}:`),
  )
})

test('agent-mesh --help names every environment variable that the command reads', () => {
  const own = readdirSync(join(checkout, 'cli', 'src'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map(file => join('cli', 'src', file))
  const sources = [...own, 'agent/src/identity/context-folder.ts'].map(file => read(file)).join('\n')
  const names = [...sources.matchAll(/(?:env\[|named\(|\.env\(\s*)'([A-Z][A-Z0-9_]+)'/g)].map(
    ([, name = '']) => name,
  )
  expect(names).toContain('XDG_DATA_HOME')
  const help = helpOf(idleProgram())
  expect(names.filter(name => !help.includes(name))).toEqual([])
})

test('docs/cli.md has every environment variable', () => {
  const page = read('docs/cli.md')
  const names = environmentHelp.flatMap(([variables]) => variables.split(', '))
  expect(names.filter(name => !page.includes(`| \`${name}\``) && !page.includes(`, \`${name}\``))).toEqual([])
})

test('docs/cli.md has every exit code', () => {
  const page = read('docs/cli.md')
  expect(Object.values(exitCodes).filter(code => !page.includes(`| ${code} |`))).toEqual([])
  expect(exitCodeMeanings.map(([code]) => code)).toEqual(Object.values(exitCodes))
})

test('docs/cli.md names every command and every option', () => {
  const page = read('docs/cli.md')
  const missing = tree(createProgram(true, () => undefined)).flatMap(command => {
    const path = pathOf(command)
    const leaf = command.commands.length === 0
    const named = !leaf || page.includes(`\`${path}\``) || page.includes(`\`agent-mesh ${path}`)
    const rows = page.split('\n').filter(line => path === '' || line.startsWith(`| \`${path}\` |`))
    const options = command.options.map(({ long }) => long ?? '').filter(long => long !== '--version')
    return [
      ...(named ? [] : [path]),
      ...options.filter(long => !rows.some(row => row.includes(`\`${long}`))).map(long => `${path} ${long}`),
    ]
  })
  expect(missing).toEqual([])
})
