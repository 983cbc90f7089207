/** Where a mesh is deployed: what the engine of deployments needs of Docker, Kubernetes or servers. */
import type { Schema } from './schema.ts'

/** In the order in which they are replaced. */
export const roles = ['relay', 'control-plane', 'agent'] as const

export type Role = (typeof roles)[number]

/** What runs in each role, by a name that keeps its meaning: the id or digest of an image, its tag, or a version. */
export type Build = Readonly<Record<Role, string>>

/** One for all roles. */
export const sameBuild = (build: string): Build => ({ relay: build, 'control-plane': build, agent: build })

/** One process that is replaced as a whole. */
export interface Unit {
  readonly name: string
  readonly role: Role
}

export interface Target {
  /** Tools, reachability, room on the disk; changes nothing. @throws MeshError which says what to do */
  preflight(signal: AbortSignal): Promise<void>
  units(signal: AbortSignal): Promise<Unit[]>
  /** @throws MeshError not_found where there is no such version */
  find(version: string, signal: AbortSignal): Promise<Build>
  /** Of the database of a build; undefined where it does not say. */
  schema?(build: Build, signal: AbortSignal): Promise<Schema | undefined>
  /** What each unit runs; those that do not run are missing. */
  running(signal: AbortSignal): Promise<ReadonlyMap<string, string>>
  /** That what runs can be put back. @throws MeshError which says what is missing */
  checkWayBack?(before: Build, signal: AbortSignal): Promise<void>
  /** What the operator should know before a build takes the place of another, a line each. */
  notes?(build: Build, before: Build): string[]
  /** The store of the control plane, into a file. @returns its name; undefined where the target makes no backups */
  backup(number: number, signal: AbortSignal): Promise<string | undefined>
  /** The first deployment: starts all in the order in which they need each other. */
  start(build: Build, signal: AbortSignal): Promise<void>
  /** The way back from the first deployment; data stays. */
  stop(signal: AbortSignal): Promise<void>
  /** Replaces units at the same time and waits until they are healthy; leaves alone those that run the build. */
  put(units: readonly Unit[], build: Build, signal: AbortSignal): Promise<void>
  /** A new member joins, calls through each relay, and leaves. @throws MeshError naming what failed */
  smoke(build: Build, signal: AbortSignal): Promise<void>
  /** Makes a build the one that starts without a deployment, for example by `docker compose up`. */
  keep(build: Build): Promise<void>
  /** Commands by which an operator puts a build in place by hand. */
  byHand(build: Build): string[]
}
