import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { configurationPage } from './configuration-page.ts'
import { metricsPage } from './metrics-page.ts'

/** `npm run generate` writes the pages of docs/ that are made from the program; with `--check` it fails when a committed one is stale. */
const pages = { 'configuration.md': configurationPage(), 'metrics.md': metricsPage() }
const isCheck = process.argv.includes('--check')

for (const [name, fresh] of Object.entries(pages)) {
  const path = join(import.meta.dirname, '..', '..', 'docs', name)
  if (!isCheck) await writeFile(path, fresh)
  else if ((await readFile(path, 'utf8').catch(() => '')) !== fresh) {
    process.stderr.write(`docs/${name} is stale: run npm run generate and commit it\n`)
    process.exitCode = 1
  }
}
