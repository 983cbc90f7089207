import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { configurationPage } from './configuration-page.ts'

/** `npm run generate` writes docs/configuration.md; with `--check` it fails when the committed page is stale. */
const path = join(import.meta.dirname, '..', '..', 'docs', 'configuration.md')
const fresh = configurationPage()

if (process.argv.includes('--check')) {
  const committed = await readFile(path, 'utf8').catch(() => '')
  if (committed !== fresh) {
    process.stderr.write('docs/configuration.md is stale: run npm run generate and commit it\n')
    process.exitCode = 1
  }
} else {
  await writeFile(path, fresh)
}
