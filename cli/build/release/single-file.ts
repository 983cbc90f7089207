/** One executable file a platform, Node in it, for machines without Node: Node's single executable application. */
import { createHash } from 'node:crypto'
import { chmod, copyFile, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'

import { runProgram, runTool } from './tools.ts'

const compress = promisify(brotliCompress)
const mostBytes = 130e6
/** The loader that the program uses is experimental, and each start would say so. */
const execArgv = ['--disable-warning=ExperimentalWarning']
/** What marks, in Node's program, that something was put into it. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

/**
 * Makes it from the folder of the command's package and the Node of this process, so for this platform alone.
 * @param work a folder for what it needs meanwhile
 */
export async function buildSingleFile(
  root: string,
  command: string,
  work: string,
  to: string,
): Promise<void> {
  const program = join(work, 'program')
  await mkdir(program, { recursive: true })
  for (const name of ['bin', 'bundle', 'package.json', 'LICENSE'])
    await cp(join(command, name), join(program, name), { recursive: true })
  await cp(join(root, 'node_modules/@node-datachannel'), join(program, 'node_modules/@node-datachannel'), {
    recursive: true,
  })
  const config = await writeConfig(program, work)
  await runProgram(process.execPath, ['--experimental-sea-config', config])
  await copyFile(process.execPath, to)
  await chmod(to, 0o755)
  // Names for debuggers: 18 MB of it.
  await runProgram('strip', ['--strip-unneeded', to])
  await runTool('postject', [to, 'NODE_SEA_BLOB', join(work, 'blob'), '--sentinel-fuse', fuse])
  const { size } = await stat(to)
  if (size > mostBytes)
    throw new Error(`Cannot release: the single file has ${size} bytes, at most ${mostBytes}`)
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
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 22 }
    await writeFile(assets[name], await compress(content, { params }))
  }
  await writeFile(join(work, 'list'), JSON.stringify({ id: hash.digest('hex').slice(0, 16), files }))
  const main = join(import.meta.dirname, 'single-file-main.cjs')
  const settings = { main, output: join(work, 'blob'), disableExperimentalSEAWarning: true, execArgv, assets }
  await writeFile(join(work, 'sea.json'), JSON.stringify(settings))
  return join(work, 'sea.json')
}
