/** The port to what starts processes on a machine: systemd, launchd, the Task Scheduler of Windows. */
import type { ServiceSpec } from './service-spec.ts'

/** A program and its arguments. */
export type ToolCall = readonly [string, ...string[]]

export interface ServiceFile {
  path: string
  text: string
}

export interface Protection {
  readonly folder: string
  /** Close a folder to other users. */
  close(folder: string): ToolCall[]
  /** Prints who may use the folder. */
  readonly show: ToolCall
  /** Whether `show` printed that no other user may. */
  isClosed(shown: string): boolean
}

/** What is known of a service that is installed. */
export interface ServiceState {
  /** In the manager's own words: `active`, `activating`, `failed`, `not running`. */
  state: string
  running: boolean
  pid?: number
  /** Starts after the first since it was installed or the machine booted. */
  restarts?: number
}

export interface ServiceManager {
  readonly name: 'systemd' | 'launchd' | 'windows'
  /** The folder for data, and the file for the token, of a service of the machine. */
  paths(context: string): { data: string; tokenFile: string }
  /** What keeps other users out of the folder of its keys before anything is written there, where a folder of mode 0700 does not. */
  protect?(spec: ServiceSpec): Protection | undefined
  /** Its definition. @param folder for those of a user: that of the settings of the user's programs, or the home folder */
  file(spec: ServiceSpec): ServiceFile
  /** Without the machine running: what makes it start at boot below `root`. */
  enableBelow(root: string, spec: ServiceSpec): ToolCall[]
  /** After its file was written. */
  enable(spec: ServiceSpec): ToolCall[]
  /** Also when it runs already, with an older definition. */
  start(spec: ServiceSpec): ToolCall[]
  /** Before its file is removed; may fail where it was never started. */
  stop(spec: ServiceSpec): ToolCall[]
  /** After its file was removed. */
  forget(spec: ServiceSpec): ToolCall[]
  show(spec: ServiceSpec): ToolCall
  /** What `show` printed. */
  readState(shown: string): ServiceState
  logs(spec: ServiceSpec, lines: number, follow: boolean): ToolCall
  /** @throws MeshError unsupported where the machine does not run it */
  check(): void
}

export type ManagerName = ServiceManager['name']
