/** What is put into Node's program: the files of the command, packed, and what unpacks them. */
import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'

import { programsFolder } from './node-programs.ts'
import type { Platform } from './platforms.ts'
import { runProgram } from './tools.ts'

const compress = promisify(brotliCompress)
/** The loader that the program uses is experimental, and each start would say so. */
const execArgv = ['--disable-warning=ExperimentalWarning']

/**
 * Without a code cache and a snapshot it is the same for all platforms but for the native part of WebRTC.
 * @param command folder of the command's package
 * @param work an empty folder
 * @returns its path
 */
export async function makeBlob(platform: Platform, command: string, work: string): Promise<string> {
  const program = join(work, 'program')
  await mkdir(program, { recursive: true })
  for (const name of ['bin', 'bundle', 'package.json', 'LICENSE'])
    await cp(join(command, name), join(program, name), { recursive: true })
  const native = join(program, 'node_modules', platform.native)
  await cp(join(programsFolder, platform.native), native, { recursive: true })
  const config = await writeConfig(program, work)
  await runProgram(join(programsFolder, platform.maker, 'bin/node'), ['--experimental-sea-config', config])
  return join(work, 'blob')
}

/** By the hash of what was packed: most files are those of the platform before. */
const cache = new Map<string, Buffer>()

async function packed(content: Buffer): Promise<Buffer> {
  const key = createHash('sha256').update(content).digest('hex')
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 22 }
  const found = cache.get(key) ?? (await compress(content, { params }))
  cache.set(key, found)
  return found
}

async function writeConfig(program: string, work: string): Promise<string> {
  const entries = await readdir(program, { recursive: true, withFileTypes: true })
  const paths = entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const files = paths.map(path => path.slice(program.length + 1)).sort()
  const hash = createHash('sha256')
  const assets: Record<string, string> = { list: join(work, 'list') }
  for (const name of files) {
    const content = await readFile(join(program, name))
    hash.update(`${name} ${content.length} `).update(content)
    assets[name] = join(work, 'assets', name)
    await mkdir(dirname(assets[name]), { recursive: true })
    await writeFile(assets[name], await packed(content))
  }
  await writeFile(join(work, 'list'), JSON.stringify({ id: hash.digest('hex').slice(0, 16), files }))
  const main = join(import.meta.dirname, 'single-file-main.cjs')
  const settings = { main, output: join(work, 'blob'), disableExperimentalSEAWarning: true, execArgv, assets }
  await writeFile(join(work, 'sea.json'), JSON.stringify(settings))
  return join(work, 'sea.json')
}
