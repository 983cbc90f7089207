/**
 * Runs after `npm ci`, on whatever Node the machine has: makes sure that `node_modules/.bin/node` is Node 24. The packages of the
 * other platforms have a command of the same name; npm 10, which comes with Node 20, removes the link with those that do not fit.
 */
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const modules = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'node_modules')
const link = join(modules, '.bin', 'node')
const target = join('..', `node-${process.platform}-${process.arch}`, 'bin', 'node')
if (!existsSync(link) && existsSync(join(modules, '.bin', target))) {
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(target, link)
}
