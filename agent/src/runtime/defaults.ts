/** Defaults of a running member. Milliseconds unless said. */
export const defaults = {
  /** Until a map stream that ended is opened again, if there is a link to its relay. */
  mapReopenMs: 1_000,
  /** First and longest pause between polls of the control plane while no relay is reachable (design 4a: 60 s). */
  pollMinMs: 1_000,
  pollMaxMs: 60_000,
  /** How often it is looked whether a relay still keeps the map current. */
  pollCheckMs: 5_000,
  /** Successors on the ring that an agent watches; more where no relay is known. */
  watched: 3,
  watchedWithoutRelay: 5,
  /** Meshes up to this size: everybody watches everybody. */
  smallMesh: 8,
  /** First and longest pause before a watched peer is dialled again. */
  watchRetryMinMs: 500,
  watchRetryMaxMs: 30_000,
  /** Between two pings of a watched link: its round trip for `peers`. */
  watchPingMs: 10_000,
  /** A peer that was told of the end of a link closes its side within this, or the link is cut. */
  closeMs: 1_000,
  /** How often links are looked at whose peer's credential may have run out: it lives for days. */
  expirySweepMs: 60_000,
  /** Older than this, a head is worth a warning: it is signed anew whenever somebody asks. */
  oldHeadMs: 24 * 3600_000,
  /** Of texts that come from outside so many characters go into the audit log. */
  auditedChars: 200,
  /** Answers of the policy remembered per member (a count): methods of a mesh are few, names from outside are not. */
  rememberedAnswers: 1024,
} as const
