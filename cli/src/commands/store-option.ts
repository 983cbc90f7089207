import { Option } from 'commander'

/** `--store`, or AGENT_MESH_STORE: a URL with a password belongs there. */
export const storeOption = (description: string): Option =>
  new Option('--store <store>', `${description} (default: SQLite in the data folder)`).env('AGENT_MESH_STORE')
