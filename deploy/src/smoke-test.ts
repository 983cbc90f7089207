/** What a new machine does first, with the deployed image: it joins, calls each relay and agent, and leaves. */
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'
import { setTimeout as wait } from 'node:timers/promises'

import type { CommandOptions } from '../commands.ts'

/** Each part succeeds within this, ms. */
const partMs = 90_000
const againMs = 1_000

/** The command in containers of the images. */
export const agentMesh = ['node', '/app/bin/agent-mesh.js']

export interface SmokeTestInit {
  docker: (args: readonly string[], options: CommandOptions) => Promise<string>
  /** Id of the container that makes the join token. */
  controlPlane: string
  /** Of the container, which is made anew where an earlier test was killed. */
  name: string
  image: string
  /** It reaches relays there, and agents of other networks only through them. */
  network: string
  /** Names of members to call. */
  peers: readonly string[]
  signal: AbortSignal
}

/** @throws MeshError unavailable naming the part that failed */
export async function smokeTest(init: SmokeTestInit): Promise<void> {
  const { docker, controlPlane, name, image, network, peers, signal } = init
  const create = ['token', 'create', '--ephemeral', '--uses', '1', '--expires', '10m']
  const token = await part('make a token', signal, () =>
    docker(['exec', controlPlane, ...agentMesh, ...create], { signal }),
  )
  const remove = () =>
    docker(['rm', '--force', '--volumes', name], { signal: AbortSignal.timeout(partMs) }).catch(() => {})
  await remove()
  const settings = { AGENT_MESH_JOIN: token, AGENT_MESH_NAME: name }
  const restricted = ['--network', network, '--read-only', '--cap-drop', 'ALL', '--tmpfs', '/tmp']
  // Without values, so that the token is in no argument.
  const variables = Object.keys(settings).flatMap(variable => ['--env', variable])
  try {
    await docker(['run', '--detach', '--name', name, ...restricted, ...variables, image], {
      signal,
      env: settings,
    })
    const ask = (...args: string[]) => docker(['exec', name, ...agentMesh, ...args], { signal })
    await part('join', signal, () => ask('status', '--wait', '5s', '--json'))
    for (const peer of peers)
      await part(`call ${peer}`, signal, () => ask('ping', peer, '--count', '1', '--json'))
    await docker(['stop', name], { signal })
    const leave = ['--rm', '--volumes-from', name, ...restricted, image, 'leave', '--yes']
    await part('leave', signal, () => docker(['run', ...leave], { signal }))
  } finally {
    await remove()
  }
}

/** Repeats what fails: those that have just started need a moment to find each other. */
async function part<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
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
