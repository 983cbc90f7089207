/**
 * `node infra/build/build.ts [DIR]`: the publishable package of the constructs, in infra/dist unless a folder is named. It holds what
 * they deploy, too: the bundled Lambdas, the command of the relays, and the files of a relay's host.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { bundleLambdas } from '../src/lambda-bundle.ts'
import { checkout } from '../src/packaged.ts'
import { nodePackages } from '../src/relay/host-files.ts'
import { buildRelayPackage } from '../src/relay/relay-package.ts'

interface Manifest {
  name: string
  version: string
  description: string
  license: string
  type: string
  devDependencies: Record<'aws-cdk-lib' | 'constructs', string>
}

/** The app that uses the constructs brings the CDK: two copies of it would not know each other's classes. */
function manifest(): Record<string, unknown> {
  const text = readFileSync(join(checkout, 'infra', 'package.json'), 'utf8')
  const { name, version, description, license, type, devDependencies } = JSON.parse(text) as Manifest
  const { 'aws-cdk-lib': library, constructs } = devDependencies
  return {
    ...{ name, version, description, license, type },
    engines: { node: '>=24' },
    exports: { '.': { types: './index.d.ts', default: './index.js' } },
    peerDependencies: { 'aws-cdk-lib': `^${library}`, constructs },
  }
}

const dist = resolve(process.argv[2] ?? join(checkout, 'infra', 'dist'))
rmSync(dist, { recursive: true, force: true })
const compiler = join(checkout, 'node_modules', 'typescript', 'bin', 'tsc')
execFileSync(process.execPath, [compiler, '-p', 'infra/tsconfig.build.json', '--outDir', dist], {
  cwd: checkout,
  stdio: ['ignore', 2, 2],
})
const assets = join(dist, 'assets')
bundleLambdas(join(assets, 'lambdas'))
buildRelayPackage(join(assets, 'relay'))
cpSync(join(checkout, 'deploy', 'relay-host'), join(assets, 'relay-host'), { recursive: true })
writeFileSync(join(assets, 'relay-host', 'node.env'), nodePackages())
cpSync(join(checkout, 'LICENSE'), join(dist, 'LICENSE'))
writeFileSync(join(dist, 'package.json'), `${JSON.stringify(manifest(), null, 2)}\n`)
console.log(`built ${dist}`)
