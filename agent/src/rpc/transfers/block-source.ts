/** What a transfer reads its blocks from. All but the last have `transferLimits.blockBytes`. */
export interface BlockSource {
  /** undefined: known at the end only. */
  readonly bytes: number | undefined
  /** Its own name, without folders. */
  readonly name: string | undefined
  /** Whether any block can be read again. */
  readonly repeatable: boolean
  /**
   * The blocks from number `from` on. The abort of `signal` ends what waits.
   * @throws MeshError conflict when the source is not what it was, or its earlier blocks are kept no more
   */
  blocks(from: number, signal: AbortSignal): AsyncGenerator<Buffer, void>
  /** The receiver has so many blocks. */
  received(count: number): void
  /** Nothing more is read. */
  close(): void
}
