import { chmod, copyFile, cp, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { runProgram } from './tools.ts'

/** The names of Debian for those of Node. */
const architectures: Partial<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** A `.deb` with the single file as /usr/bin/agent-mesh. @param arch as Node names it @returns its name in `out` */
export async function buildDebianPackage(
  root: string,
  program: string,
  arch: string,
  version: string,
  work: string,
  out: string,
): Promise<string> {
  const architecture = architectures[arch] ?? arch
  const tree = join(work, 'deb')
  const docs = join(tree, 'usr/share/doc/agent-mesh')
  for (const folder of [join(tree, 'DEBIAN'), join(tree, 'usr/bin'), docs])
    await mkdir(folder, { recursive: true })
  await copyFile(program, join(tree, 'usr/bin/agent-mesh'))
  await cp(join(root, 'LICENSE'), join(docs, 'copyright'))
  const installedKib = Math.ceil((await stat(program)).size / 1024)
  await writeFile(join(tree, 'DEBIAN/control'), control(version, architecture, installedKib))
  for (const folder of [
    '',
    'DEBIAN',
    'usr',
    'usr/bin',
    'usr/share',
    'usr/share/doc',
    'usr/share/doc/agent-mesh',
  ])
    await chmod(join(tree, folder), 0o755)
  const name = `agent-mesh_${debianVersion(version)}_${architecture}.deb`
  await runProgram('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z9', '--build', tree, join(out, name)])
  return name
}

/** `1.0.0-rc.1` comes before `1.0.0` for dpkg when it has a tilde. */
export const debianVersion = (version: string): string => version.replace('-', '~')

const control = (version: string, architecture: string, installedKib: number): string =>
  `Package: agent-mesh
Version: ${debianVersion(version)}
Architecture: ${architecture}
Maintainer: Agent Mesh
Section: net
Priority: optional
Installed-Size: ${installedKib}
Depends: libc6 (>= 2.28), libstdc++6
Description: machines on different networks find, trust and call each other
 One agent on each machine; direct paths where there are any, relays where there
 are none. The command, with its Node inside.
`
