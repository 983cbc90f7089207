import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

import { checkout, packaged } from './packaged.ts'

/** The Lambdas by name: each the file `lambdas/src/entry/aws-NAME.ts`. */
export const lambdaNames = ['api', 'watch', 'fan-out', 'health', 'sweep'] as const
export type LambdaName = (typeof lambdaNames)[number]

/**
 * Bundles each Lambda of the checkout into one file. A process of its own does it: the published package has the bundles, and not
 * the bundler. Returns the folder that holds one folder a Lambda: NAME/index.mjs exporting `handler`.
 */
export function bundleLambdas(outdir: string = join(checkout, 'infra', 'dist', 'lambdas')): string {
  execFileSync(process.execPath, ['infra/build/bundle-lambdas.ts', outdir], {
    cwd: checkout,
    stdio: ['ignore', 2, 2],
  })
  return outdir
}

let made: string | undefined

/** The Lambdas that a control plane runs unless it is given others: those of the package, or of the checkout, bundled once. */
export const usualLambdas = (): string => (made ??= packaged('lambdas') ?? bundleLambdas())
