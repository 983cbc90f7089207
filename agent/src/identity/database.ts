/** The one file of the agent that knows the driver of SQLite. */
import { DatabaseSync } from 'node:sqlite'

export type Database = DatabaseSync

/**
 * Opens or makes a database.
 * @param path of its file, or `:memory:`
 * @param waitMs how long a statement waits for the lock of another connection
 * @throws what the driver throws: no MeshError
 */
export const openDatabase = (path: string, waitMs: number): Database =>
  new DatabaseSync(path, { timeout: waitMs })
