import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { format, resolveConfig } from 'prettier'

import { configurationPage } from './configuration-page.ts'
import { logsPage } from './logs-page.ts'
import { metricsPage } from './metrics-page.ts'
import { observabilityFiles } from './observability/files.ts'

/** `npm run generate` writes the files that are made from the program; with `--check` it fails when a committed one is stale. */
const files = {
  'docs/configuration.md': configurationPage(),
  'docs/logs.md': logsPage(),
  'docs/metrics.md': metricsPage(),
  ...observabilityFiles(),
}
const isCheck = process.argv.includes('--check')

for (const [name, text] of Object.entries(files)) {
  const path = join(import.meta.dirname, '..', '..', name)
  const fresh = name.endsWith('.md')
    ? text
    : await format(text, { ...(await resolveConfig(path)), filepath: path })
  if (!isCheck) {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, fresh)
  } else if ((await readFile(path, 'utf8').catch(() => '')) !== fresh) {
    process.stderr.write(`${name} is stale: run npm run generate and commit it\n`)
    process.exitCode = 1
  }
}
