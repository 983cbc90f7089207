/** The parts of a store on a SQL database, independent of what runs their scripts. */
import { shardOf } from '@agent-mesh/protocol/map-cursor'
import type { DirectoryStore, MapWrite } from '../parts/directory.ts'
import type { EnrolmentStore } from '../parts/enrolments.ts'
import type { Store, StoreParts } from '../store.ts'
import { audit } from './audit.ts'
import type { SqlInit } from './dialect.ts'
import { directory } from './directory.ts'
import { enrolmentEnder } from './ending.ts'
import { enrolmentRows } from './enrolment-rows.ts'
import { enrolments } from './enrolments.ts'
import { headParts } from './head-parts.ts'
import { healthRollUps } from './health-roll-ups.ts'
import { ledger } from './ledger.ts'
import { mapLog } from './map-log.ts'
import { members } from './members.ts'
import { memberships } from './memberships.ts'
import { names } from './names.ts'
import { offlineMembers } from './offline.ts'
import { pairs } from './pairs.ts'
import { presence } from './presence.ts'
import { served, type ScriptRunner } from './script-runner.ts'
import { sweeper } from './sweep.ts'
import { tokens } from './tokens.ts'

function scriptsOf(base: SqlInit) {
  const init = { ...base, audit: audit(base) }
  const rows = enrolmentRows(init)
  const log = mapLog(init)
  const written = { ...init, rows, pairs: pairs({ ...init, log }) }
  const end = enrolmentEnder(written)
  const named = { ...written, names: names(init), end }
  const joinTokens = tokens(init)
  const held = memberships(named)
  return {
    audit: init.audit,
    rows,
    log,
    tokens: joinTokens,
    memberships: held,
    enrolments: enrolments({ ...named, tokenUses: joinTokens.uses, memberships: held }),
    headParts: headParts(init),
    directory: directory(written),
    members: members(init),
    offline: offlineMembers(written),
    presence: presence(init),
    health: healthRollUps(init),
    ledger: ledger(init),
    sweep: sweeper({ ...init, end }),
  }
}

type SqlScripts = ReturnType<typeof scriptsOf>

const enrolmentStore = (
  run: ScriptRunner,
  { rows, memberships, enrolments }: SqlScripts,
): EnrolmentStore => ({
  billed: false,
  ...served(run, rows),
  ...served(run, memberships),
  ...served(run, enrolments),
  redeem: async (redemption, auditOf) => {
    const shard = await shardOf(redemption.peerId)
    return run.write(() => enrolments.redeem(redemption, shard, auditOf))
  },
})

const directoryStore = (
  run: ScriptRunner,
  { log, directory, members, offline }: SqlScripts,
): DirectoryStore => ({
  ...served(run, log),
  ...served(run, directory),
  ...served(run, members),
  ...served(run, offline),
  putMember: async record => {
    const put = (locked: boolean) => run.write(() => directory.putMember(record, locked))
    return (await put(false)) ?? ((await put(true)) as MapWrite)
  },
})

/** All but what only the database itself can do. */
export function sqlStore(run: ScriptRunner, init: SqlInit): StoreParts & Pick<Store, 'collectGarbage'> {
  const scripts = scriptsOf(init)
  return {
    headParts: served(run, scripts.headParts),
    tokens: served(run, scripts.tokens),
    enrolments: enrolmentStore(run, scripts),
    directory: directoryStore(run, scripts),
    presence: served(run, scripts.presence),
    health: served(run, scripts.health),
    ledger: served(run, scripts.ledger),
    // No entry waits for its place in the chain.
    audit: { ...served(run, scripts.audit), chainAudit: async () => {}, listWaitingAudit: async () => [] },
    ...served(run, scripts.sweep),
  }
}
