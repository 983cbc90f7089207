/** What of the package `yaml` the readers of configuration and policy files use. */
declare module 'yaml' {
  export interface Node {
    range?: [start: number, valueEnd: number, nodeEnd: number] | null
  }
  export interface Scalar extends Node {
    value: unknown
    /** As it is written. */
    source?: string
  }
  export interface Alias extends Node {
    source: string
  }
  export interface Pair {
    key: unknown
    value: unknown
  }
  export interface YAMLMap extends Node {
    items: Pair[]
    get(key: unknown, keepScalar: true): unknown
  }
  export interface YAMLSeq extends Node {
    items: unknown[]
  }
  export interface Document {
    contents: Node | null
    errors: { pos: [start: number, end: number]; message: string }[]
    warnings: Document['errors']
    toJS(options: { maxAliasCount: number }): unknown
    getIn(path: readonly unknown[], keepScalar: true): unknown
  }
  export class LineCounter {
    linePos(offset: number): { line: number; col: number }
  }
  export function parseDocument(
    text: string,
    options: { lineCounter: LineCounter; prettyErrors: boolean },
  ): Document
  export function visit(document: Document, visitor: { Alias: (key: unknown, node: Alias) => void }): void
  export function isAlias(node: unknown): node is Alias
  export function isMap(node: unknown): node is YAMLMap
  export function isScalar(node: unknown): node is Scalar
  export function isSeq(node: unknown): node is YAMLSeq
}
