import type { Connection } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { PunchPort } from './punch-port.ts'

const failure = (code: string) => Object.assign(new Error(code), { code })
const connection = () => ({}) as Connection

/** Dials that fail for the first ports. */
function dialler(failures: string[]) {
  const from: (number | undefined)[] = []
  const dial = ({ localPort }: { localPort?: number }) => {
    from.push(localPort)
    const code = failures.shift()
    return code === undefined ? Promise.resolve(connection()) : Promise.reject(failure(code))
  }
  return { from, dial }
}

it('dials from one port, and knows which connections came from it', async () => {
  const port = new PunchPort(() => 0.5)
  const { from, dial } = dialler([])
  const [one, two] = [await port.dial(dial), await port.dial(dial)]
  expect(from).toEqual([26_384, 26_384])
  expect([one, two, connection()].map(each => port.of(each))).toEqual([26_384, 26_384, undefined])
})

it('moves when the port is taken, and stays where it came to', async () => {
  const randoms = [0, 0.5, 0.9]
  const port = new PunchPort(() => randoms.shift() ?? 0)
  const { from, dial } = dialler(['EADDRNOTAVAIL'])
  expect(port.of(await port.dial(dial))).toBe(26_384)
  await port.dial(dial)
  expect(from).toEqual([20_000, 26_384, 26_384])
})

it('dials from any port when nothing else works', async () => {
  const port = new PunchPort(() => 0.5)
  const { from, dial } = dialler(['EADDRINUSE', 'EADDRINUSE'])
  expect(port.of(await port.dial(dial))).toBeUndefined()
  expect(from).toEqual([26_384, 26_384, undefined])
})

it('fails as the dial does for other reasons', async () => {
  const { from, dial } = dialler(['ECONNREFUSED'])
  await expect(new PunchPort(() => 0.5).dial(dial)).rejects.toThrow('ECONNREFUSED')
  expect(from).toHaveLength(1)
})
