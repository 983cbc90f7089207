import { build } from 'esbuild'

/** As a user bundles a program for Node: `outdir/main.js`, and a chunk for each part that is loaded on demand. */
export async function bundleProgram(entry: string, outdir: string): Promise<void> {
  const require =
    "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
  await build({
    entryPoints: { main: entry },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    keepNames: true,
    mainFields: ['module', 'main'],
    banner: { js: require },
    external: ['*.node'],
    logLevel: 'error',
  })
}
