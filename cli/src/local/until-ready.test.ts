import { agentStatus, standInAgent } from '@agent-mesh/agent/gateway/testing/stand-in-agent'
import { problemOf } from '@agent-mesh/protocol/api/problem'
import { MeshError } from '@agent-mesh/protocol/errors'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { untilReady } from './until-ready.ts'

const stopped = new MeshError('going_away', 'Cannot answer: this agent has stopped')
const statusOf = (version: string) => ({ ...agentStatus, version })
const signal = new AbortController().signal

let folder: string
let stop: () => Promise<void>
/** What the process answers, one after the other; the last one again and again. */
let answers: (MeshError | object)[]

beforeEach(async () => {
  const agent = await standInAgent((_, reply) => {
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!
    const isFailure = answer instanceof MeshError
    reply.statusCode = isFailure ? answer.status : 200
    reply.end(JSON.stringify(isFailure ? problemOf(answer) : answer))
  })
  folder = agent.folder
  stop = agent.stop
})
afterEach(() => stop())

it('waits for the version that takes the place of one which says that it has stopped', async () => {
  answers = [statusOf('1.0.0'), stopped, stopped, statusOf('1.1.0')]
  const wanted = ({ version }: { version: string }) => version === '1.1.0'
  expect(await untilReady(folder, { most: 60_000, pid: undefined, signal, wanted })).toMatchObject({
    version: '1.1.0',
  })
})

it('says at once that a process has stopped which nothing replaces', async () => {
  answers = [stopped]
  const waited = untilReady(folder, { most: 60_000, pid: undefined, signal })
  await expect(waited).rejects.toMatchObject({ code: 'going_away' })
})
