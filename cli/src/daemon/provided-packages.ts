/**
 * Packages that served modules import and need not install. `@agent-mesh/agent` is always the one of this command: a module that
 * throws the MeshError of another copy would be understood as an unknown failure. A schema library that is installed beside the
 * module comes first.
 */
import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

/** By the name in an import: the file of the bundle, see cli/build/bundle.ts, and whether an installed one comes first. */
const provided = new Map([
  ['@agent-mesh/agent', { entry: 'agent', installedFirst: false }],
  ['zod', { entry: 'zod', installedFirst: true }],
  ['zod/mini', { entry: 'zod-mini', installedFirst: true }],
])

let isProvided = false

/** From now on modules of this process find these packages, wherever they are. Idempotent. */
export function providePackages(): void {
  if (isProvided) return
  isProvided = true
  // Before there are hooks: import.meta.resolve() goes through them.
  const urls = new Map([...provided].map(([name, { entry }]) => [name, ownUrl(name, entry)]))
  registerHooks({
    resolve(specifier, context, next) {
      const known = provided.get(specifier)
      if (known === undefined) return next(specifier, context)
      const own = { url: urls.get(specifier)!, shortCircuit: true }
      if (!known.installedFirst) return own
      try {
        return next(specifier, context)
      } catch {
        return own
      }
    },
  })
}

/** In the bundle a file of it; in the checkout what is installed there. */
function ownUrl(specifier: string, entry: string): string {
  const bundled = new URL(`./provided/${entry}.js`, import.meta.url)
  return existsSync(fileURLToPath(bundled)) ? bundled.href : import.meta.resolve(specifier)
}
