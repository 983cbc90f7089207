/**
 * What a new machine does first, with the deployed build, once at each relay: it joins, is called through that relay, and leaves. It
 * listens nowhere and uses no other relay, so that a call to it cannot take another path; each agent calls it at one relay at least.
 */
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'

import { answer } from './answer.ts'
import type { Unit } from './target.ts'

const defaultPartMs = 90_000
/** {@link SmokeMember.remove} ends within this, ms. */
export const removeMs = 90_000
/** The command that makes a token. */
export const createToken = ['token', 'create', '--ephemeral', '--uses', '1', '--expires', '10m']
const againMs = 1_000

/** The parts of `status --json` and `path --json` that the test looks at. */
const statusSchema = z.object({
  name: z.string(),
  relays: z.array(z.object({ peerId: z.string(), name: z.string().optional(), reserved: z.boolean() })),
})
const pathSchema = z.object({ links: z.array(z.object({ relay: z.string().optional() })) })

export interface SmokeSettings {
  token: string
  /** To ask for. */
  name: string
  /** The only one that it uses. */
  relay: string
}

/** Where the new member runs. */
export interface SmokeMember {
  /** @returns a join token for one ephemeral agent */
  token(signal: AbortSignal): Promise<string>
  /** Starts the member with an empty data folder, to listen nowhere; an earlier one is removed. */
  start(settings: SmokeSettings, signal: AbortSignal): Promise<void>
  /** Runs `agent-mesh ARGS` beside it. @returns its stdout */
  ask(args: readonly string[], signal: AbortSignal): Promise<string>
  /** The same beside the process of a unit. */
  askAt(unit: Unit, args: readonly string[], signal: AbortSignal): Promise<string>
  /** Stops it, and takes it out of the mesh. */
  leave(signal: AbortSignal): Promise<void>
  /** Also what a killed deployment left; never throws. */
  remove(): Promise<void>
}

export interface SmokeTestInit {
  member: SmokeMember
  /** Of the new member, and of what it runs in. */
  name: string
  units: readonly Unit[]
  signal: AbortSignal
  /** Each part succeeds within this, ms. @default 90,000 */
  partMs?: number
}

/** @throws MeshError unavailable naming the part that failed, not_found without a relay or an agent */
export async function smokeTest(init: SmokeTestInit): Promise<void> {
  const { member, units } = init
  const [relays, agents] = [units.filter(isOf('relay')), units.filter(isOf('agent'))]
  const missing = relays.length === 0 ? 'relay' : agents.length === 0 ? 'agent' : undefined
  if (missing !== undefined)
    throw new MeshError('not_found', `Cannot run the smoke test: there is no ${missing}`)
  for (const [i, relay] of relays.entries()) {
    const callers = agents.filter((_, j) => j % relays.length === i)
    try {
      await oneRelay(init, relay, callers.length > 0 ? callers : agents.slice(0, 1))
    } finally {
      await member.remove()
    }
  }
}

const isOf = (role: Unit['role']) => (unit: Unit) => unit.role === role

async function oneRelay(init: SmokeTestInit, { name: relay }: Unit, callers: readonly Unit[]): Promise<void> {
  const { member, name, signal } = init
  const token = await part(init, 'make a token', () => member.token(signal))
  await member.start({ token, name, relay }, signal)
  const self = await part(init, `join through ${relay}`, () => joined(init, relay))
  for (const caller of callers)
    await part(init, `call from ${caller.name} through ${relay}`, async () => {
      await member.askAt(caller, ['ping', self.name, '--count', '1', '--json'], signal)
      const { links } = answer(pathSchema, await member.askAt(caller, ['path', self.name, '--json'], signal))
      if (links.length > 0 && links.every(link => link.relay === self.relay)) return
      throw new MeshError('unavailable', `the links are ${JSON.stringify(links)}, not through ${relay}`)
    })
  await part(init, `call ${relay}`, () => member.ask(['ping', relay, '--count', '1', '--json'], signal))
  await part(init, 'leave', () => member.leave(signal))
}

/** @returns the name that it got, and the peer id of the relay */
async function joined({ member, signal }: SmokeTestInit, relay: string) {
  const text = await member.ask(['status', '--wait', '5s', '--json'], signal)
  const { name, relays } = answer(statusSchema, text)
  const home = relays.find(it => it.name === relay && it.reserved)
  if (home === undefined) throw new MeshError('unavailable', `${name} has no reservation at ${relay}`)
  return { name, relay: home.peerId }
}

/** Repeats what fails: those that have just started need a moment to find each other. */
async function part<T>(
  { signal, partMs = defaultPartMs }: SmokeTestInit,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  for (const late = performance.now() + partMs; ; await wait(againMs, undefined, { signal })) {
    try {
      return await work()
    } catch (cause) {
      signal.throwIfAborted()
      if (performance.now() < late) continue
      const { message } = toMeshError(cause, 'internal', what)
      throw new MeshError('unavailable', `The smoke test failed to ${what}: ${message}`, { cause })
    }
  }
}
