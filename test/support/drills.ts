/** Drills of docs/operations.md, run as they stand there in data folders of their own; only what is given is replaced. */
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'

import { endChild, lastJson, readyLine, runCommand, spawnCommand, type Ran } from './command.ts'

const page = join(import.meta.dirname, '..', '..', 'docs', 'operations.md')
export const patience = { timeout: 60_000, interval: 200 }

export interface Drills {
  /** Parent of the data folders. */
  readonly folder: string
  /** The lines below `### Drill: NAME`. @param count how many a test runs: a line more would not be run */
  lines(name: string, count: number): string[]
  /** Runs a line with `--json`. */
  run(line: string): Promise<Ran>
  /** Runs a line that must succeed, and returns what it printed. */
  well(line: string): Promise<Record<string, unknown>>
  /** Starts what stays in the foreground, until it says that it is ready. @param more words that the page need not have */
  daemon(line: string, more?: { token?: string; words?: readonly string[] }): Promise<void>
  end(): Promise<void>
}

/** @param replaced words of the page, and what stands for them here */
export async function openDrills(
  replaced: Readonly<Record<string, string>> = {},
  more: NodeJS.ProcessEnv = {},
): Promise<Drills> {
  const text = await readFile(page, 'utf8')
  const folder = await mkdtemp(join(tmpdir(), 'drills-'))
  const env = { XDG_DATA_HOME: folder, ...more }
  const children: ChildProcess[] = []

  const argumentsOf = (line: string, token = ''): string[] =>
    Object.entries(replaced)
      .reduce((all, [word, here]) => all.replace(word, here), line)
      .replace('drill.backup', join(folder, 'drill.backup'))
      .replace(/127\.0\.0\.1:8\d+/, '127.0.0.1:0')
      .replace('TOKEN', token)
      .replace(/^agent-mesh /, '')
      .split(' ')
  const run = (line: string): Promise<Ran> => runCommand([...argumentsOf(line), '--json'], env)

  return {
    folder,
    run,
    lines: (name, count) => {
      const [, block = ''] = new RegExp(`### Drill: ${name}\\n[^]*?\`\`\`sh\\n([^]*?)\`\`\``).exec(text) ?? []
      const lines = block.trim().split('\n')
      expect(lines).toHaveLength(count)
      return lines
    },
    well: async line => {
      const ran = await run(line)
      expect(ran.code, `${line}: ${ran.stdout}${ran.stderr}`).toBe(0)
      return lastJson(ran)
    },
    daemon: async (line, { token = '', words = [] } = {}) => {
      const child = spawnCommand([...argumentsOf(line, token), ...words], env)
      children.push(child)
      await readyLine(child)
    },
    end: async () => {
      for (const child of children.reverse()) await endChild(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Of `members list`. */
export const namesOf = ({ members }: Record<string, unknown>): string[] =>
  (members as { name: string }[]).map(({ name }) => name)
