import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { openApiDocument } from './document.ts'

/** `npm run generate` writes openapi.json; with `--check` it fails when the committed file is stale. */
const path = join(import.meta.dirname, 'openapi.json')
const fresh = `${JSON.stringify(openApiDocument(), null, 2)}\n`

if (process.argv.includes('--check')) {
  const committed = await readFile(path, 'utf8').catch(() => '')
  if (committed !== fresh) {
    process.stderr.write('protocol/openapi/openapi.json is stale: run npm run generate and commit it\n')
    process.exitCode = 1
  }
} else {
  await writeFile(path, fresh)
}
