/** Tools in Go, built once as pinned into the cache of the checkout. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const cache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache')

const tools = {
  connectconformance: {
    module: 'connectrpc.com/conformance',
    path: '/cmd/connectconformance',
    version: 'v1.0.7',
  },
  grpcurl: { module: 'github.com/fullstorydev/grpcurl', path: '/cmd/grpcurl', version: 'v1.9.4' },
} as const
type Tool = keyof typeof tools

/** Why the tools cannot be built here; undefined when they can. In CI they have to. */
export async function missingGo(): Promise<string | undefined> {
  try {
    await run('go', ['version'])
    return undefined
  } catch (error) {
    if (process.env['CI'] === 'true') throw error
    return `skipped: Go does not run here (${(error as NodeJS.ErrnoException).code ?? String(error)})`
  }
}

/** The path of the program. Rejects with what Go says. */
export async function goTool(name: Tool): Promise<string> {
  const { module, path, version } = tools[name]
  const folder = join(cache, `go-tools-${name}-${version}`)
  const program = join(folder, name)
  // Go writes it last, whole.
  if (!existsSync(program))
    await run('go', ['install', `${module}${path}@${version}`], { env: { ...process.env, GOBIN: folder } })
  return program
}

/** The sources of a tool, once it is built. */
export async function goSources(name: Tool): Promise<string> {
  const { module, version } = tools[name]
  const { stdout } = await run('go', ['mod', 'download', '-json', `${module}@${version}`])
  return (JSON.parse(stdout) as { Dir: string }).Dir
}
