import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { serverConfig } from './server-config.ts'

/** `npm run generate` writes deploy/cloud-init/relay.yaml; with `--check` it fails when the committed one is stale. */
const folder = join(import.meta.dirname, '..', '..', '..', 'deploy', 'cloud-init')
const file = join(folder, 'relay.yaml')

if (process.argv.includes('--check')) {
  if (readFileSync(file, 'utf8') !== serverConfig()) {
    process.stderr.write('deploy/cloud-init/relay.yaml is stale: run npm run generate and commit it\n')
    process.exitCode = 1
  }
} else {
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, serverConfig())
}
