/** The page of `agent-mesh page`: what a browser loads, each file whole and without another server. */
import { build } from 'esbuild'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** Files by name, as they are served. @param root of the checkout */
export async function bundlePage(root: string): Promise<Map<string, Uint8Array>> {
  const sources = join(root, 'cli', 'page')
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [join(sources, 'page.ts'), join(sources, 'page.css')],
    outdir: 'page',
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  })
  const built = outputFiles.map(({ path, contents }): [string, Uint8Array] => [basename(path), contents])
  return new Map([['index.html', await readFile(join(sources, 'index.html'))], ...built])
}

/** Writes them into `outdir`. */
export async function writePage(root: string, outdir: string): Promise<void> {
  await mkdir(outdir, { recursive: true })
  for (const [name, contents] of await bundlePage(root)) await writeFile(join(outdir, name), contents)
}
