/**
 * The files of an upgrade. After each step, and after a crash between any two, there is a whole program at `path`, and the last one
 * that is known to work is there or at `previous`; `pending` says which version is being tried. On Windows there is a moment without
 * one at `path`.
 */
import { fileFailure, replaceFile, syncFolder } from '@agent-mesh/agent/identity/private-file'
import { parseJson } from '@agent-mesh/protocol/parse'
import { link, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as z from 'zod/mini'

import { versionOf, type InstalledProgram } from './installed-program.ts'

const pendingSchema = z.object({
  version: z.string().check(z.maxLength(64)),
  /** Whether it was the previous one. */
  back: z.boolean(),
})
export type Pending = z.infer<typeof pendingSchema>

/** What is known of the files at the start. */
export interface Files {
  /** Of the program; undefined when it does not start. */
  current: string | undefined
  previous: string | undefined
  pending: Pending | undefined
  /** Whether the program is one whose trial did not end. */
  unproven: boolean
}

export async function readFiles(program: InstalledProgram): Promise<Files> {
  const text = await readFile(program.pending, 'utf8').catch(() => undefined)
  const [current, previous] = await Promise.all([program.path, program.previous].map(versionOf))
  const pending = text === undefined ? undefined : pendingOf(text)
  return { current, previous, pending, unproven: pending !== undefined && pending.version === current }
}

/** A file that was written half is none: its trial has not begun. */
function pendingOf(text: string): Pending | undefined {
  try {
    return parseJson(pendingSchema, text, 'read which version is being tried')
  } catch {
    return undefined
  }
}

/**
 * Puts `next` in the place of the program and keeps the program, unless that is unproven itself or does not start.
 * @throws MeshError permission_denied, unavailable when the disk is full
 */
export async function replaceProgram(program: InstalledProgram, files: Files, tried: Pending): Promise<void> {
  const { path, folder, previous, pending } = program
  try {
    await replaceFile(pending, JSON.stringify(tried))
    if (files.current !== undefined && !files.unproven) await linkAs(path, previous)
    await syncFolder(folder)
    await takePlace(program)
  } catch (error) {
    throw fileFailure(`replace ${path}`, error)
  }
}

/** The program of before is the program again; the trial ends with {@link endTrial}. @throws MeshError as {@link replaceProgram} */
export async function restoreProgram(program: InstalledProgram): Promise<void> {
  await stagePrevious(program)
  try {
    await takePlace(program)
  } catch (error) {
    throw fileFailure(`restore ${program.path}`, error)
  }
}

async function takePlace({ path, next, replaced }: InstalledProgram): Promise<void> {
  if (replaced === undefined) await rename(next, path)
  else {
    await rename(path, replaced)
    await rename(next, path).catch(async (error: unknown) => {
      await rename(replaced, path)
      throw error
    })
    // One that runs stays until the next upgrade.
    await rm(replaced, { force: true }).catch(() => undefined)
  }
  await syncFolder(dirname(path))
}

/** The previous one will be the next. @throws MeshError as {@link replaceProgram} */
export async function stagePrevious({ previous, next }: InstalledProgram): Promise<void> {
  try {
    await linkAs(previous, next)
  } catch (error) {
    throw fileFailure(`restore ${previous}`, error)
  }
}

export const endTrial = async ({ pending, next }: InstalledProgram): Promise<void> => {
  await rm(next, { force: true })
  await rm(pending, { force: true })
}

/** Another name for the same file, in one step. */
async function linkAs(from: string, to: string): Promise<void> {
  // Windows keeps a name of a program that runs.
  if (await isSameFile(from, to)) return
  const temporary = `${to}.tmp`
  // Nor does it remove that name, which an attempt that was refused has left.
  if (!(await isSameFile(from, temporary))) {
    await rm(temporary, { force: true })
    await link(from, temporary)
  }
  await rename(temporary, to)
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [one, other].map(path => stat(path, { bigint: true }).catch(() => undefined)),
  )
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino
}
