/**
 * The one order in which evidence of a member replaces evidence: the higher incarnation wins, at the same incarnation `left` beats
 * `dead` beats `alive`. As this order is total, members that have seen the same evidence believe the same, in whatever order it
 * came and however often. Suspicion is no evidence: it stays with the watchers.
 */
import { memberStates, type Evidence } from '@agent-mesh/protocol'

/** Positive when `a` replaces `b`, 0 when they say the same. */
export const compareEvidence = (a: Evidence, b: Evidence): number =>
  a.incarnation - b.incarnation || memberStates[a.state] - memberStates[b.state]

/** The one of two that is believed. Commutative, associative and idempotent in what it says. */
export const mergeEvidence = (a: Evidence, b: Evidence): Evidence => (compareEvidence(b, a) > 0 ? b : a)
