import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/protocol'
import { describe, expect, it } from 'vitest'
import { climb, type DialAttempt, type Ladder, type Ways } from './ladder.ts'
import { msOf, quickest } from '../../../../test/support/quickest.ts'

const started: string[] = []
const ok = (name: string, ms = 0): DialAttempt<string> => ({
  name,
  run: async signal => {
    started.push(name)
    await delay(ms, undefined, { signal })
    return name
  },
})
const fails = (name: string, error = new Error('refused')): DialAttempt<string> => ({
  name,
  run: () => {
    started.push(name)
    return Promise.reject(error)
  },
})
const hangs = (name: string) => ok(name, 60_000)

function run(
  direct: DialAttempt<string>[],
  relayed: DialAttempt<string>[] = [],
  more: Partial<Ladder<string>> = {},
) {
  started.length = 0
  const late: string[] = []
  const tried: string[] = []
  let rest: Promise<void> | undefined
  let add: (ways: Ways<string>) => void = () => {}
  const result = climb({
    action: 'reach db-1',
    direct,
    relayed,
    signal: new AbortController().signal,
    discard: loser => void late.push(loser),
    onTried: (name, error) => void tried.push(error === undefined ? name : `${name} failed`),
    onGoingOn: running => void (rest = running),
    onBegun: adder => void (add = adder),
    staggerMs: 10,
    silentHeadStartMs: 50,
    directHeadStartMs: 500,
    relayHeadStartMs: 20,
    ...more,
  })
  return { result, late, tried, rest: () => rest, add: (ways: Ways<string>) => add(ways) }
}

/** Answers at once, and takes long for the handshake. */
const answers = (name: string, ms: number): DialAttempt<string> => ({
  name,
  run: async (signal, answered) => {
    answered()
    await delay(ms, undefined, { signal })
    return name
  },
})

describe('the dial ladder', () => {
  it('takes the first direct address that works', async () => {
    expect(await run([hangs('a'), ok('b'), ok('c', 30)]).result).toBe('b')
    expect(started).toEqual(['a', 'b'])
  })

  it('tries the next address at once when one fails', async () => {
    const attempts = Array.from({ length: 8 }, (_, i) => fails(`bad-${i}`))
    const ladder = async () => expect(await run([...attempts, ok('good')]).result).toBe('good')
    expect(await quickest(80, () => msOf(ladder))).toBeLessThan(80)
  })

  it('leaves relays alone while direct addresses have their head start', async () => {
    expect(await run([ok('direct', 30)], [ok('relay')]).result).toBe('direct')
    expect(started).toEqual(['direct'])
  })

  it('holds relays back while a direct address that answered does its handshake', async () => {
    // Longer than a silent one would have.
    const patient = { directHeadStartMs: 60_000 }
    expect(await run([answers('direct', 150)], [ok('relay')], patient).result).toBe('direct')
    expect(started).toEqual([])
    expect(await run([answers('direct', 60_000)], [ok('relay')]).result).toBe('relay')
  })

  it('goes on with direct addresses behind the back of a relay, and keeps what they bring', async () => {
    const reached = Promise.withResolvers<string>()
    const far = { name: 'far', run: () => reached.promise }
    const { result, late, tried, rest } = run([far, hangs('farther')], [ok('relay')])
    expect(await result).toBe('relay')
    reached.resolve('far')
    await rest()
    expect(late).toEqual([])
    expect(tried).toEqual(['relay', 'far'])
  })

  it('takes a relay when direct addresses do not answer', async () => {
    expect(await run([hangs('direct')], [ok('relay')]).result).toBe('relay')
  })

  it('takes a relay at once when there is no direct address, or all have failed', async () => {
    const ladder = async () => {
      expect(await run([], [ok('relay')]).result).toBe('relay')
      expect(await run([fails('direct')], [ok('relay')]).result).toBe('relay')
    }
    expect(await quickest(40, () => msOf(ladder))).toBeLessThan(40)
  })

  it('takes the standby when the home relay hangs', async () => {
    expect(await run([], [hangs('home'), ok('standby')]).result).toBe('standby')
  })

  it('aborts the losers', async () => {
    let aborted = false
    const loser: DialAttempt<string> = {
      name: 'loser',
      run: signal =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true
            reject(new Error('aborted'))
          })
        }),
    }
    expect(await run([loser, ok('winner')]).result).toBe('winner')
    expect(aborted).toBe(true)
  })

  it('takes a relay that becomes known while it waits for a silent address', async () => {
    const { result, add } = run([hangs('direct')])
    add({ direct: [], relayed: [ok('relay')] })
    expect(await result).toBe('relay')
  })

  it('takes an address that becomes known while all others are silent', async () => {
    const { result, add } = run([hangs('old')], [hangs('relay')])
    add({ direct: [ok('new')], relayed: [] })
    expect(await result).toBe('new')
  })

  it('fails only when what was added has failed too', async () => {
    const { result, add } = run([fails('one')])
    add({ direct: [fails('two')], relayed: [fails('three')] })
    await expect(result).rejects.toMatchObject({ code: 'unavailable' })
    expect(started).toEqual(['one', 'two', 'three'])
  })

  it('tries nothing that is added after its end', async () => {
    const { result, add } = run([ok('direct')])
    await result
    add({ direct: [ok('late')], relayed: [ok('later')] })
    // All direct attempts are over, so a relay would not have to wait for a head start.
    await turn()
    expect(started).toEqual(['direct'])
  })

  it('tries nothing that is added while a direct address goes on behind a relay that won', async () => {
    const { result, add, rest } = run([ok('direct', 1_000)], [ok('relay')])
    expect(await result).toBe('relay')
    add({ direct: [ok('late')], relayed: [ok('later')] })
    await rest()
    expect(started).toEqual(['direct', 'relay'])
  })

  it('discards a loser that finishes after all', async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const deaf: DialAttempt<string> = { name: 'deaf', run: () => promise }
    const { result, late } = run([deaf, ok('winner')])
    expect(await result).toBe('winner')
    resolve('deaf')
    await expect.poll(() => late).toEqual(['deaf'])
  })

  it('says what each attempt said when all fail', async () => {
    await expect(run([fails('one')], [fails('two')]).result).rejects.toMatchObject({
      code: 'unavailable',
      message: 'Cannot reach db-1: refused',
      details: { attempts: ['one: Cannot reach db-1: refused', 'two: Cannot reach db-1: refused'] },
    })
  })

  it('gives the answer of the peer more weight than unreachable addresses', async () => {
    const revoked = new MeshError('revoked', 'Cannot connect: this member was revoked')
    await expect(run([fails('one', revoked), fails('two')]).result).rejects.toMatchObject({ code: 'revoked' })
  })

  it('without any address says so', async () => {
    await expect(run([]).result).rejects.toMatchObject({
      code: 'unavailable',
      message: 'Cannot reach db-1: it has no address and no relay',
    })
  })

  it('waits for the first way as long as it may', async () => {
    const began = run([], [], { awaitWayMs: 60_000 })
    began.add({ direct: [], relayed: [] })
    began.add({ direct: [], relayed: [ok('relay')] })
    expect(await began.result).toBe('relay')
    await expect(run([], [], { awaitWayMs: 1 }).result).rejects.toMatchObject({
      message: 'Cannot reach db-1: it has no address and no relay',
    })
  })

  it('ends with its signal', async () => {
    const abort = new AbortController()
    const { result } = run([hangs('a')], [hangs('b')], { signal: abort.signal })
    abort.abort()
    await expect(result).rejects.toMatchObject({ code: 'cancelled' })
  })
})
