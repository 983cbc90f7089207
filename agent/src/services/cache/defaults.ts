/** Defaults of the cache of answers at a caller. */
export const cacheDefaults = {
  /** Bytes of answers with their keys and what keeping them costs: small beside the memory of a program, some 60,000 answers of 1 KB. */
  maxBytes: 64 * 1024 * 1024,
  /** Bytes that are the least and the most an agent may be given. */
  leastBytes: 64 * 1024,
  mostBytes: 4 * 1024 * 1024 * 1024,
  /** An answer that would take more than this share of the room is not kept: one of them must not drive out thousands. */
  entryShare: 1 / 8,
  /** Bytes that an entry takes beside key, value and tags, measured on Node 24: map, lists, the objects of the answer. */
  entryBytes: 400,
  /** Bytes that a tag takes beside its text: its place in the index. */
  tagBytes: 120,
  /** ms that `not_found` is kept, at most the `ttl` of the method: callers that look for what is created soon see it soon. */
  negativeMs: 1_000,
  /** Tags of an answer (a count), and the characters of each. */
  tags: 16,
  tagChars: 128,
  /** Keys longer than this (characters) are kept as their SHA-256. */
  keyChars: 256,
  /** Counters in each of the four rows of the sketch, one byte each: some 10 for each answer that fits by default. */
  sketchCells: 65_536,
  /** The counts are halved after so many questions for each entry: enough to tell the popular from the rest (TinyLFU takes 10). */
  sketchSample: 20,
  /** The least number of questions between two halvings. */
  sketchLeast: 10_000,
} as const
