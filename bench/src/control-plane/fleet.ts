/** The simulated fleet: relays and the agents that come and go, with real keys; the other agents are rows. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  jwkSigner,
  peerIdOfJwk,
  signHomeClaim,
  signRecord,
  signRequest,
  type RelayReport,
  type Signer,
} from '@agent-mesh/protocol'

/** A relay as its reports go: what it sent last was acknowledged. */
export interface SimulatedRelay {
  readonly signer: Signer
  readonly epoch: string
  seq: number
}

export interface Fleet {
  readonly relays: readonly SimulatedRelay[]
  /** Agents with keys, in turn taken for claims. */
  readonly movers: readonly Signer[]
}

export async function newSigner(): Promise<Signer> {
  const { x = '', d = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const jwk = { kty: 'OKP', crv: 'Ed25519', x } as const
  return jwkSigner(peerIdOfJwk(jwk), { ...jwk, d })
}

export async function makeFleet(counts: { relays: number; movers: number }): Promise<Fleet> {
  const relays: SimulatedRelay[] = []
  for (let i = 0; i < counts.relays; i++)
    relays.push({ signer: await newSigner(), epoch: randomBytes(12).toString('base64url'), seq: 0 })
  const movers: Signer[] = []
  for (let i = 0; i < counts.movers; i++) movers.push(await newSigner())
  return { relays, movers }
}

/** The record of an agent with an address, two home relays and a service: what the rows are as large as. */
export const recordOfSize = (signer: Signer, serial: string, homeRelays: string[]): Promise<string> =>
  signRecord(signer, {
    incarnation: 1,
    addrs: ['/ip4/192.0.2.10/tcp/4001', '/ip6/2001:db8::10/tcp/4001'],
    homeRelays,
    region: 'eu-1',
    services: ['math@2'],
    serial,
  })

export interface PreparedReport {
  readonly relay: SimulatedRelay
  readonly seq: number
  readonly body: string
  readonly authorization: string
}

export interface ReportPlan {
  readonly meshId: string
  readonly url: URL
  /** Reports of each relay taken. */
  readonly rounds: number
  readonly relays: readonly SimulatedRelay[]
  /** Claims in report number `n` of the plan. */
  readonly claims: (n: number) => number
}

let homeSeq = Date.now()
let nextMover = 0

async function claimsOf(relay: SimulatedRelay, movers: readonly Signer[], count: number): Promise<string[]> {
  const claims: string[] = []
  for (let i = 0; i < count; i++) {
    const mover = movers[nextMover++ % movers.length]
    if (mover !== undefined)
      claims.push(await signHomeClaim(mover, { relay: relay.signer.kid, homeSeq: ++homeSeq }))
  }
  return claims
}

/** Signs reports before they are timed, a list for each relay. They are good for a minute from now. */
export async function prepareReports(
  plan: ReportPlan,
  movers: readonly Signer[],
): Promise<PreparedReport[][]> {
  const encoder = new TextEncoder()
  let n = 0
  const lists: PreparedReport[][] = []
  for (const relay of plan.relays) {
    const list: PreparedReport[] = []
    for (let round = 1; round <= plan.rounds; round++) {
      const seq = relay.seq + round
      const report: RelayReport = {
        epoch: relay.epoch,
        seq,
        up: await claimsOf(relay, movers, plan.claims(n++)),
        down: [],
        load: { agents: 1_000, reservations: 2_000, visitors: 10 },
        health: { ready: true, version: '0.1.0', region: 'eu-1' },
      }
      const body = JSON.stringify(report)
      const request = { method: 'POST', url: plan.url, body: encoder.encode(body) }
      // Signed half a minute ahead: the clocks may differ by a minute, and preparing takes its time.
      const now = Date.now() + 30_000
      list.push({
        relay,
        seq,
        body,
        authorization: await signRequest(relay.signer, request, { meshId: plan.meshId, now }),
      })
    }
    lists.push(list)
  }
  return lists
}
