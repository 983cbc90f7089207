/** Files of a server that runs a relay, on AWS and elsewhere: deploy/relay-host, and which Node it runs on. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { checkout, packaged } from '../packaged.ts'

const scripts = '/usr/local/lib/agent-mesh'
const units = '/etc/systemd/system'

export interface HostFile {
  /** Absolute. */
  path: string
  /** Octal digits. */
  mode: string
  content: string
}

export const installScript = `${scripts}/install-relay.sh`
export const claimScript = `${scripts}/claim-aws.sh`
export const signalScript = `${scripts}/signal-aws.sh`

/** Packages of Debian that they use. */
export const hostPackages = ['ca-certificates', 'certbot', 'curl', 'openssl'] as const

/** What every server needs. */
export const relayHostFiles = (): HostFile[] => [
  script('install-relay.sh'),
  script('relay-certificate.sh'),
  {
    path: `${scripts}/node.env`,
    mode: '0644',
    content: packaged('relay-host') === undefined ? nodePackages() : text('node.env'),
  },
  unit('agent-mesh-relay.service'),
  unit('agent-mesh-certificate.service'),
  unit('agent-mesh-certificate.timer'),
]

/** What an instance on EC2 needs besides: its log is on the console, where AWS shows it. */
export const awsHostFiles = (): HostFile[] => [
  script('claim-aws.sh'),
  script('signal-aws.sh'),
  {
    path: `${units}/agent-mesh-relay.service.d/console.conf`,
    mode: '0644',
    content: '[Service]\nStandardOutput=journal+console\nStandardError=journal+console\n',
  },
]

const text = (name: string): string =>
  readFileSync(join(packaged('relay-host') ?? join(checkout, 'deploy', 'relay-host'), name), 'utf8')
const script = (name: string): HostFile => ({ path: `${scripts}/${name}`, mode: '0755', content: text(name) })
const unit = (name: string): HostFile => ({ path: `${units}/${name}`, mode: '0644', content: text(name) })

interface Lock {
  packages: Record<string, { version: string; integrity: string } | undefined>
}

/** Where the Node of the lock file is, and its SHA-512: the registry has it as packages. The published package has this as `node.env`. */
export function nodePackages(): string {
  const { packages } = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')) as Lock
  return ['x64', 'arm64']
    .map(arch => {
      const name = `node-linux-${arch}`
      const found = packages[`node_modules/${name}`]
      if (found === undefined)
        throw new Error(`Cannot name Node for ${arch}: package-lock.json has no ${name}`)
      const { version, integrity } = found
      const variable = `NODE_${arch.toUpperCase()}`
      const url = `https://registry.npmjs.org/${name}/-/${name}-${version}.tgz`
      return `${variable}_URL=${url}\n${variable}_INTEGRITY=${integrity}\n`
    })
    .join('')
}
