/** Releases whose program is a small file: a real build of the command that uses the Node of this process instead of one inside. */
import { programFile as nameFor } from '@agent-mesh/cli'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'

const run = promisify(execFile)
const builder = join(import.meta.dirname, '..', '..', 'cli/build/release/small-program.ts')
export const programFile = nameFor(process.platform, process.arch)

export interface ProgramBuild {
  version: string
  /** What runs it. @default the Node of this process */
  node?: string
  /** JavaScript that runs before it, to break it. */
  first?: string
}

/** Makes `file`, which runs by itself. */
export async function buildProgram(
  file: string,
  { version, node = process.execPath, first = '' }: ProgramBuild,
) {
  await run(process.execPath, [builder, file, version, node, first])
}

/** Makes the folder of a release, as far as an upgrade reads it. */
export async function makeRelease(folder: string, program: string, version: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const gzip = createGzip({ level: 1 })
  await pipeline(createReadStream(program), gzip, createWriteStream(join(folder, programFile)))
  // What names the version; an upgrade does not open it.
  const named = `agent-mesh-${version}.tgz`
  await writeFile(join(folder, named), '')
  const sums = await Promise.all([named, programFile].map(name => checksumOf(folder, name)))
  await writeFile(join(folder, 'SHA256SUMS'), sums.join(''))
}

const checksumOf = async (folder: string, name: string): Promise<string> => {
  const content = await readFile(join(folder, name))
  return `${createHash('sha256').update(content).digest('hex')}  ${name}\n`
}

/** Serves the files below a folder, and remembers which were asked for. */
export async function serveReleases(folder: string) {
  const asked: string[] = []
  const server = createServer(({ url = '/' }, response) => {
    asked.push(url)
    const file = createReadStream(join(folder, url))
    file.on('error', () => response.writeHead(404).end()).pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
