/** Content of a configuration file; apart from its parser, which is loaded only where there is a file. */
import type { Given, Setting } from './settings-of.ts'

/** A fault and its place; line and column count from 1. */
export interface ConfigProblem {
  line: number
  column: number
  reason: string
}

export interface Config {
  file: string
  /** By section and name; the section of what all commands take is empty. */
  values: ReadonlyMap<string, Given>
  problems: readonly ConfigProblem[]
}

/** The settings of each section; '' for those that all commands take. */
export type ConfigSchema = ReadonlyMap<string, readonly Setting[]>

export const settingPlace = (section: string, name: string): string =>
  section === '' ? name : `${section}.${name}`
