/** Defaults of discovery. Milliseconds unless said. */
import { limits } from '@agent-mesh/protocol'

export const discoveryDefaults = {
  /** The metadata service of EC2, and how long it has to answer: it does so within a few ms, and elsewhere nothing does. */
  metadataUrl: 'http://169.254.169.254',
  metadataMs: 300,
  /** One HTTP request to the control plane: a cold Lambda answers in < 2 s. */
  requestTimeoutMs: 10_000,
  /** Tries of an idempotent request before it fails. */
  requestTries: 3,
  /** First and longest pause between tries, with jitter. */
  retryMinMs: 200,
  retryMaxMs: 30_000,
  /** Reply bodies over this are refused: a map page of 1 MiB and room for its envelope. */
  replyBytes: 4 * 1024 * 1024,
  /** Record changes within this time are published as one. */
  publishDelayMs: 50,
  /** A record that waits for its turn, at the pace of the mesh, and for an answer is nothing to warn of before this. */
  publishLateMs: 2 * limits.recordEveryMs,
  /**
   * Records published at once by one process before it keeps to the pace of the mesh (a count): a third of what the control
   * plane takes, so that a stop and the next start find room.
   */
  recordsAtOnce: 4,
  /**
   * A process that fell silent because another one published with its key looks after half of this to all of it whether that
   * one still runs; without an answer within the other time it is alone. Together 5.5 min, the record is published within 4.
   */
  rivalLookMs: 4 * 60_000,
  rivalSilentMs: 90_000,
  /** How often the age of the credential is looked at; renewal is retried at this pace. */
  renewCheckMs: 3_600_000,
  /** Multicast DNS (RFC 6762). */
  mdnsPort: 5353,
  /** How long an announcement is good for, in seconds: two of them may be lost. */
  mdnsTtlSeconds: 180,
  /** Between two announcements, and how much longer for each member heard: 1,000 of them send two packets a second. */
  mdnsTellMs: 60_000,
  mdnsTellPerPeerMs: 500,
  /** The same where each byte costs: with a quarter more at random it is within `mdnsTtlSeconds`; 260 bytes each. */
  mdnsMeteredTellMs: 120_000,
  /** Between two answers (RFC 6762: at least a second), and how much longer for each member heard. */
  mdnsAnswerGapMs: 1_000,
  mdnsAnswerPerPeerMs: 50,
  /** Questions on a new interface: at once, then after 1, 2 and 4 s, since any packet may be lost. */
  mdnsQuestions: 4,
  mdnsFirstAskMs: 1_000,
  /** How often interfaces are looked at, beside each change of the network: it tells of all but link-local addresses. */
  mdnsLookMs: 30_000,
  /** After a socket could not be opened. */
  mdnsRetryMs: 30_000,
  /** Interfaces at most (a count). */
  mdnsInterfaces: 8,
  /** Shortest time between two log lines about a control plane that does not answer. */
  outageLogMs: 60_000,
  /** Records of one packet that are read (a count). */
  mdnsRecords: 64,
  /** Members on the LAN that are remembered (a count). */
  mdnsPeers: 1_024,
  /** The same while an authority key is revoked that signed the own credential: without a new one all members refuse this one. */
  renewRevokedMs: 5_000,
  /** How often a member asks after the signed list ended its membership; up to half as much is added at random. */
  endedAskMs: 3_600_000,
  /** The same after the second answer that says so without the list, doubled by each further one up to that. */
  refusedAskMs: 60_000,
} as const
