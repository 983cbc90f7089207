import { expect, it } from 'vitest'
import { claimsOf, forgeJws, withPayload } from '../../test/support/forged-jws.ts'
import { testKey } from '../../test/support/mesh-fixture.ts'
import { refusal } from '../../test/support/refusal.ts'
import { signHomeClaim, verifyHomeClaim } from './home-claim.ts'

const [agent, relay] = await Promise.all([testKey(), testKey()])
const claim = { relay: relay.kid, homeSeq: 1_900_000_000_000 }

it('a claim tells who claims, which relay, and its number', async () => {
  expect(await verifyHomeClaim(await signHomeClaim(agent.signer, claim))).toEqual({
    ...claim,
    peerId: agent.kid,
  })
})

it('the peer id is the one that signed, whatever the claim says', async () => {
  const jws = await signHomeClaim(agent.signer, { ...claim, peerId: relay.kid })
  expect((await verifyHomeClaim(jws)).peerId).toBe(agent.kid)
})

it('a relay cannot claim an agent for itself, nor raise the number of a claim', async () => {
  const header = { alg: 'EdDSA', typ: 'home+jws', kid: agent.kid }
  expect(await refusal(verifyHomeClaim(forgeJws(header, claim, relay)))).toMatch(
    /^unauthenticated: .*signature/,
  )
  const jws = await signHomeClaim(agent.signer, claim)
  const raised = withPayload(jws, { ...claimsOf(jws), homeSeq: claim.homeSeq + 1 })
  expect(await refusal(verifyHomeClaim(raised))).toMatch(/^unauthenticated: .*signature/)
})

it('a claim without a relay or with a broken number is neither signed nor accepted', async () => {
  const header = { alg: 'EdDSA', typ: 'home+jws', kid: agent.kid }
  for (const wrong of [{ homeSeq: 1 }, { ...claim, relay: 'me' }, { ...claim, homeSeq: -1 }]) {
    expect(await refusal(verifyHomeClaim(forgeJws(header, wrong, agent)))).toMatch(/^unauthenticated: /)
    expect(await refusal(signHomeClaim(agent.signer, wrong as never))).toMatch(/^invalid_argument: /)
  }
})
