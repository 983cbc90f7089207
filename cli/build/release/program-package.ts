/** `program-package.ts PROGRAM VERSION WORK OUT`: its package for Debian in OUT, for tests of services; prints the name of the file. */
import { join } from 'node:path'

import { buildDebianPackage } from './debian-package.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const [program = '', version = '', work = '', out = ''] = process.argv.slice(2)
console.log(await buildDebianPackage(root, program, process.arch, version, work, out))
