import type { NetworkFinding, NetworkFacts } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol/errors'
import { Option } from 'commander'

import { parseJoin } from '../arguments.ts'
import { exitCodes } from '../exit-codes.ts'
import type { Settings } from '../settings.ts'
import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { duration } from '../show/units.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  controlPlane?: string
  join?: string
}

export const registerNetcheck: Register = (program, finish) => {
  const command = program
    .command('netcheck')
    .description('check the network of this machine: NAT, UDP, proxy, relays')
    .option('--control-plane <url>', 'control plane to ask before this machine has joined a mesh')
    .addOption(
      new Option(
        '--join <token>',
        'join token that names the control plane to ask, @FILE, or - for standard input; it is not redeemed',
      ).argParser(parseJoin),
    )
    .addHelpText(
      'after',
      `
Takes less than 5 s. Works beside a running agent, without one, and before the first "up".

Examples:
  $ agent-mesh netcheck
  $ agent-mesh netcheck --control-plane https://mesh.example.com
  $ agent-mesh netcheck --proxy http://proxy.example.com:3128
  $ agent-mesh netcheck --json | jq -r .udp4.mapping

Exit codes: 0 the control plane or a relay is reachable, 2 no mesh is known, 6 neither is reachable.`,
    )
  onCall<Options, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { checkNetwork, findingsOf } = await import('@agent-mesh/agent')
    const { networkInterfaces } = await import('node:os')
    const known = await whichMesh(settings, options)
    const { facts, tcp } = await withProgress(settings, 'Checking the network', async say => {
      const observing = observedByRelays(settings.data, signal)
      const { proxy } = settings
      const facts = await checkNetwork({ ...known, proxy, interfaces: networkInterfaces(), say, signal })
      return { facts, tcp: await observing }
    })
    const all: NetworkFacts = { ...facts, ...(tcp === undefined ? {} : { tcp }) }
    const findings = findingsOf(all)
    output.result({ ...all, findings }, () => netcheckText(all, findings, output))
    return anythingReached(all) ? exitCodes.ok : exitCodes.unavailable
  })
}

/** From the options, else from disk. */
async function whichMesh(settings: Settings, { controlPlane: url, join }: Options) {
  if (url !== undefined) {
    if (!/^https?:\/\/[^/]/.test(url))
      throw new MeshError(
        'invalid_argument',
        `Cannot ask control plane ${url}: it is not an http or https URL`,
      )
    return { controlPlane: { url }, relays: [] }
  }
  if (join !== undefined) {
    const [{ parseJoinToken }, { tokenOf }] = await Promise.all([
      import('@agent-mesh/protocol'),
      import('../data/join-token.ts'),
    ])
    const { url: named, meshId } = parseJoinToken(await tokenOf(join))
    return { controlPlane: { url: named, meshId }, relays: [] }
  }
  const { storedMesh } = await import('../data/stored-mesh.ts')
  const stored = await storedMesh(settings.data)
  if (stored !== undefined) return stored
  throw new MeshError(
    'invalid_argument',
    `Cannot check the network: ${settings.data} has not joined a mesh`,
    {
      hint: 'Name the mesh with --control-plane URL or --join TOKEN, or another context with --context NAME or --data DIR.',
    },
  )
}

/** What relays reported to the running agent, if one runs, about its TCP connections. */
async function observedByRelays(folder: string, signal: AbortSignal): Promise<NetworkFacts['tcp']> {
  const { localClient } = await import('../local/local-client.ts')
  try {
    return (await localClient(folder, signal).status()).observed
  } catch {
    // Nothing runs, or it is something else: the rest can be measured without it.
    return undefined
  }
}

const anythingReached = ({ controlPlane, relays }: NetworkFacts): boolean =>
  controlPlane?.ok === true || relays.some(({ addrs }) => addrs.some(({ ok }) => ok))

const colors = { good: 'green', note: 'yellow', bad: 'red' } as const

function netcheckText(facts: NetworkFacts, findings: readonly NetworkFinding[], output: Output): Text {
  const rows = findings.map(({ topic, level, says, means }) => [
    output.style(colors[level], level),
    topic,
    `${says}. ${means}`,
  ])
  const relays = facts.relays.flatMap(({ name, region, addrs, stun }) =>
    [...addrs, ...stun].map(measured => [
      name,
      region ?? '',
      measured.addr,
      measured.ok ? duration(measured.ms) : output.style('yellow', measured.error),
    ]),
  )
  return [
    output.table(['', 'CHECK', 'RESULT'], rows),
    ...(relays.length === 0 ? [] : ['', output.table(['RELAY', 'REGION', 'ADDRESS', 'ROUND TRIP'], relays)]),
    '',
    `Checked in ${duration(facts.ms)}.`,
  ]
}
