/** deploy/cloud-init/relay.yaml: a relay on any server that cloud-init sets up. */
import { cloudConfig } from './cloud-config.ts'
import { hostPackages, installScript, relayHostFiles } from './host-files.ts'

const about = [
  'A relay of Agent Mesh on a server with Debian, Ubuntu or Raspberry Pi OS (64 bits), x64 or arm64.',
  'Change install.env and join-token below, then give this file as user data; docs/deploy-servers.md explains it.',
  'Made by "npm run generate" from deploy/relay-host.',
]

const settings = `# Name of the relay in the mesh.
RELAY_NAME=relay-1
# Its DNS name (port 443 then has a certificate by Let's Encrypt), or its public IPv4 address.
RELAY_HOST=relay-1.example.com
# Where it is; agents prefer relays of their region.
RELAY_REGION=
# Whom Let's Encrypt writes to.
RELAY_MAIL=
# The command: a tarball of "npm pack", and the SHA-512 that npm pack prints for it.
PACKAGE_URL=https://example.com/agent-mesh-cli-0.1.0.tgz
PACKAGE_INTEGRITY=sha512-REPLACE
`

export const serverConfig = (): string =>
  cloudConfig({
    about,
    packages: hostPackages,
    files: [
      { path: '/etc/agent-mesh/install.env', mode: '0644', content: settings },
      { path: '/etc/agent-mesh/join-token', mode: '0600', content: 'REPLACE\n' },
      ...relayHostFiles(),
    ],
    commands: [[installScript]],
  })
