/** The base of the image: Node's public image, or, without a reachable registry, a substitute from files of this machine. */
import { cp, realpath, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { copyProgram, copyWithin, which } from '../../support/copied-programs.ts'
import type { Engine } from './engine.ts'
import { pulledOr } from './stand-in.ts'

const published = 'node:24-bookworm-slim'
const standIn = 'agent-mesh-stand-in-base'
/** Commands that the Dockerfile, npm and deploy/compose use. */
const commands = ['sh', 'env', 'rm', 'mkdir', 'chown', 'cat', 'id', 'touch']
const authorities = '/etc/ssl/certs/ca-certificates.crt'

/** @returns its name in the engine */
export const baseImage = (engine: Engine): Promise<string> =>
  pulledOr(engine, published, {
    name: standIn,
    fill,
    changes: [`ENV NODE_EXTRA_CA_CERTS=${authorities}`],
  })

/** Laid out as the public image is: Node and npm below /usr/local, a user `node` with the number 1000. */
async function fill(root: string): Promise<void> {
  for (const command of commands) await copyProgram(root, await which(command), `usr/bin/${command}`)
  await copyProgram(root, process.execPath, 'usr/local/bin/node')
  const npm = dirname(dirname(await realpath(await which('npm'))))
  await cp(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true, dereference: true })
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
  await copyWithin(root, authorities)
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n',
  )
}
