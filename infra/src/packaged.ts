import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Beside this file in the published package; a checkout builds what it deploys, or has it elsewhere. */
const assets = join(import.meta.dirname, 'assets')

/** The folder of what the constructs deploy besides templates; undefined in a checkout. */
export const packaged = (name: 'lambdas' | 'relay' | 'relay-host'): string | undefined =>
  existsSync(assets) ? join(assets, name) : undefined

/** The checkout. */
export const checkout = join(import.meta.dirname, '..', '..')
