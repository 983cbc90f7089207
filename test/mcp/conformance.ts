/** The conformance suite of the protocol (npm), installed once as pinned, and what it finds. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The newest that has the revision 2026-07-28; `latest` ends with 2025-11-25. */
const version = '0.2.0-alpha.12'
const root = join(import.meta.dirname, '..', '..')
const folder = join(root, 'node_modules', '.cache', `mcp-conformance-${version}`)
const program = join(folder, 'node_modules', '@modelcontextprotocol', 'conformance', 'dist', 'index.js')

/** What it said, and its exit code. */
export interface Verdict {
  readonly code: number | null
  readonly said: string
}

/** Resolves when it can run. Rejects when npm cannot install it. */
export async function installConformance(): Promise<void> {
  if (existsSync(folder)) return
  const fresh = `${folder}.${process.pid}`
  const args = [
    'install',
    '--prefix',
    fresh,
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--loglevel',
    'error',
  ]
  const { code, said } = await run('npm', [...args, `@modelcontextprotocol/conformance@${version}`], root)
  if (code !== 0) throw new Error(`npm cannot install the conformance suite (${code}): ${said.slice(-2_000)}`)
  await rename(fresh, folder)
}

/** Runs it in a folder of its own, where its reports are dropped. @param args `server --url …` */
export async function conformance(args: readonly string[]): Promise<Verdict> {
  const reports = await mkdtemp(join(tmpdir(), 'mcp-conformance-'))
  try {
    return await run(process.execPath, [program, ...args], reports)
  } finally {
    await rm(reports, { recursive: true, force: true })
  }
}

async function run(command: string, args: readonly string[], cwd: string): Promise<Verdict> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said }
}
