/** The control plane: its store port and adapters, and the local host. */
export * from './store/clock.ts'
export * from './store/parts/audit.ts'
export * from './store/parts/directory.ts'
export * from './store/parts/enrolments.ts'
export * from './store/parts/head-parts.ts'
export * from './store/parts/health.ts'
export * from './store/parts/ledger.ts'
export * from './store/parts/presence.ts'
export * from './store/parts/tokens.ts'
export * from './store/store.ts'
export * from './store/token-id.ts'
export { openSqliteStore, type SqliteStoreOptions } from './store/sqlite/sqlite-store.ts'
export {
  openDynamoStore,
  prepareDynamoTable,
  type DynamoStoreOptions,
} from './store/dynamodb/dynamo-store.ts'
export { openPostgresStore, type PostgresStoreOptions } from './store/postgres/postgres-store.ts'
export type { Log } from './domain/log.ts'
export type { RestoredMesh } from './domain/restored-mesh.ts'
export {
  startControlPlane,
  type ControlPlaneOptions,
  type RunningControlPlane,
} from './hosts/node/start-control-plane.ts'
export { writeBackup, type WrittenBackup } from './hosts/node/backup/backup-file.ts'
export { restoreBackup, type RestoredBackup } from './hosts/node/backup/restore.ts'
export { backUpStopped } from './hosts/node/backup/back-up.ts'
export { describeStore, parseStoreChoice, type StoreChoice } from './hosts/node/open-store.ts'
export type { ListenAddress } from './hosts/node/http-listener.ts'
export { monthlyBill, type Bill } from './cost/bill.ts'
export { initMesh, type InitialisedMesh, type StackFacts } from './operator/init-mesh.ts'
