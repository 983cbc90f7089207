/** A configuration file, YAML or JSON (which is YAML), read against the settings of the command. */
import { redactText } from '@agent-mesh/protocol/redact'
import type { InvalidArgumentError } from 'commander'
import { dirname, resolve } from 'node:path'
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml'

import { settingPlace, type Config, type ConfigProblem, type ConfigSchema } from './config.ts'
import { readGiven, type Given, type Setting } from './settings-of.ts'

/** Reports all faults, not only the first. Aliases and tags are refused: no file needs them. */
export function readConfigText(text: string, file: string, schema: ConfigSchema): Config {
  const reader = new Reader(file, schema)
  try {
    reader.read(text)
  } catch (error) {
    // Brackets nested too deep for the parser.
    if (!(error instanceof RangeError)) throw error
    reader.problems.push({ line: 1, column: 1, reason: 'it is nested too deep' })
  }
  return { file, values: reader.values, problems: reader.problems }
}

class Reader {
  readonly values = new Map<string, Given>()
  readonly problems: ConfigProblem[] = []
  readonly #file: string
  readonly #schema: ConfigSchema
  readonly #lines = new LineCounter()

  constructor(file: string, schema: ConfigSchema) {
    this.#file = file
    this.#schema = schema
  }

  read(text: string): void {
    const document: Document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false })
    const faults = [...document.errors, ...document.warnings]
    for (const { pos, message } of faults) this.#fault(pos[0], lowerFirst(message))
    if (faults.length > 0 || document.contents === null) return
    if (!isMap(document.contents))
      return this.#wrong(document.contents, 'it is a list of settings: name: value')
    this.#section(document.contents, '')
  }

  #section(map: YAMLMap, section: string): void {
    const settings = this.#schema.get(section) ?? []
    for (const pair of map.items) {
      const name = this.#nameOf(pair)
      if (name === undefined) continue
      const setting = settings.find(each => each.name === name)
      const value = pair.value as Node | null
      if (setting !== undefined) this.#setting(settingPlace(section, name), setting, value, pair)
      else if (section !== '' || !this.#schema.has(name)) this.#unknown(pair, section, name)
      else if (value === null || (isScalar(value) && value.value === null)) continue
      else if (isMap(value)) this.#section(value, name)
      else this.#wrong(value, `${name} has settings of its own: name: value`)
    }
  }

  #nameOf({ key }: Pair): string | undefined {
    if (isScalar(key) && typeof key.value === 'string') return key.value
    this.#wrong(key as Node, 'a name is text')
    return undefined
  }

  #unknown({ key }: Pair, section: string, name: string): void {
    const names = [...(this.#schema.get(section) ?? []).map(setting => setting.name)]
    if (section === '') names.push(...[...this.#schema.keys()].filter(each => each !== ''))
    const where = section === '' ? '' : ` of ${section}`
    this.#wrong(key as Node, `there is no setting ${name}${where}; there are ${names.join(', ')}`)
  }

  #setting(place: string, setting: Setting, node: Node | null, { key }: Pair): void {
    const given = node === null ? undefined : this.#given(node)
    if (given === undefined) return this.#wrong(node ?? (key as Node), `${place} has no value`)
    try {
      readGiven(setting, given)
    } catch (error) {
      return this.#wrong(
        node as Node,
        `${place} is ${shown(given)}: ${lowerFirst((error as InvalidArgumentError).message)}`,
      )
    }
    this.values.set(place, this.#besideFile(given, setting.path))
  }

  /** Numbers as they are written: `1.10` is a name like any other. Undefined for what is no value. */
  #given(node: Node): Given | undefined {
    if (isAlias(node)) {
      this.#wrong(node, 'an alias (*) is not taken: write the value')
      return undefined
    }
    if (isSeq(node)) {
      const items = node.items.map(item => this.#given(item as Node))
      return items.every(item => typeof item === 'string') ? items : undefined
    }
    if (!isScalar(node) || node.value === null) return undefined
    if (typeof node.value === 'boolean') return node.value
    return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
  }

  #besideFile(given: Given, path: Setting['path']): Given {
    const folder = dirname(this.#file)
    const beside = (text: string) => {
      if (path === 'file') return resolve(folder, text)
      return path === 'at-file' && text.startsWith('@') ? `@${resolve(folder, text.slice(1))}` : text
    }
    if (typeof given === 'boolean') return given
    return typeof given === 'string' ? beside(given) : given.map(beside)
  }

  #wrong(node: Node, reason: string): void {
    this.#fault(node.range?.[0] ?? 0, reason)
  }

  #fault(offset: number, reason: string): void {
    const { line, col } = this.#lines.linePos(offset)
    this.problems.push({ line: Math.max(1, line), column: Math.max(1, col), reason })
  }
}

const lowerFirst = (text: string): string =>
  `${text.charAt(0).toLowerCase()}${text.slice(1).replace(/\.$/, '')}`

const shown = (given: Given): string => redactText(JSON.stringify(given)).slice(0, 60)
