/**
 * `npm run docs`: the pages of the checkout and the API reference as a static site in site/dist. A dead link fails. With
 * `--serve` the site is shown on this machine afterwards.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { scriptOptions } from '../test/support/script-options.ts'

const site = import.meta.dirname
const { values } = scriptOptions('Usage: npm run docs -- [--serve]', {
  serve: { type: 'boolean', default: false },
})

function run(...[file = '', ...args]: string[]): void {
  const { status, error } = spawnSync(file, args, { cwd: site, stdio: 'inherit' })
  if (status === 0) return
  console.error(
    `Cannot build the site: ${file} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}`,
  )
  process.exit(1)
}

/** The tools of the site are installed on first use, and anew when their lock changes. */
function install(): void {
  const installed = join(site, 'node_modules', '.package-lock.json')
  if (
    existsSync(installed) &&
    statSync(installed).mtimeMs >= statSync(join(site, 'package-lock.json')).mtimeMs
  )
    return
  run('npm', 'ci', '--ignore-scripts', '--no-audit')
}

const tool = (name: string) => join('node_modules', '.bin', name)

install()
for (const folder of ['api', 'dist']) rmSync(join(site, folder), { recursive: true, force: true })
run(tool('typedoc'))
run(tool('vitepress'), 'build')

const pages = globSync('dist/**/*.html', { cwd: site }).length
const [index = ''] = globSync('dist/assets/chunks/*localSearchIndex*.js', { cwd: site })
if (!readFileSync(join(site, index), 'utf8').includes('Revocation'))
  throw new Error('Cannot build the site: the index of the search lacks the pages')
const kilobytes = Math.round(statSync(join(site, index)).size / 1024)
console.log(`site/dist: ${pages} pages, index of the search ${kilobytes} KiB`)
if (values.serve) run(tool('vitepress'), 'preview')
