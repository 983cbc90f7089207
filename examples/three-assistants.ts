/**
 * Three machines, each with an AI assistant and an MCP server of its own: each assistant uses the tools of the other two. The agents call
 * each other directly; there is no broker and no server of tools between them. The policy needs a grant, as no member has tools by default:
 *   { "from": ["role:agent"], "to": ["tool:*"], "allow": ["call"] }
 *   export TOKEN=$(npx agent-mesh token create --uses 3)
 *   npx node examples/three-assistants.ts
 * All three run on this machine; IN_KITCHEN='ip netns exec kitchen' puts what belongs to one of them into a network of its own.
 */
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const node = process.execPath
const command = join(import.meta.dirname, '..', 'cli', 'bin', 'agent-mesh.js')
const tools = join(import.meta.dirname, 'assistants', 'tools.ts')
const folder = await mkdtemp(join(tmpdir(), 'assistants-'))
const agents: ChildProcess[] = []
const assistants: Client[] = []

/** A program of a machine, in the network that its variable names, and the arguments of that. */
function onMachine(name: string, ...program: string[]): [string, string[]] {
  const network = process.env[`IN_${name.toUpperCase()}`]?.split(' ') ?? []
  const [file = node, ...args] = [...network, node, ...program]
  return [file, args]
}

/** A machine: its agent, which serves the tools of its MCP server. Resolves when that agent is up. */
async function startMachine(name: string): Promise<void> {
  const served = ['--mcp', `${name}=${node} ${tools} ${name}`]
  const args = ['up', '--name', name, '--data', join(folder, name), ...served, '--json']
  const env = { ...process.env, AGENT_MESH_JOIN: process.env['TOKEN'] }
  const agent = spawn(...onMachine(name, command, ...args), { stdio: ['ignore', 'pipe', 'inherit'], env })
  agents.push(agent)
  const ended = once(agent, 'exit').then(([code]) =>
    assert.fail(`the agent of ${name} ended with ${String(code)}`),
  )
  await Promise.race([once(createInterface(agent.stdout), 'line'), ended])
}

/** What the assistant of a machine starts: `agent-mesh mcp --print-config claude` prints this command. */
async function startAssistant(name: string): Promise<Client> {
  const assistant = new Client({ name: `assistant of ${name}`, version: '1.0.0' })
  assistants.push(assistant)
  const [file, args] = onMachine(name, command, 'mcp', '--data', join(folder, name))
  await assistant.connect(new StdioClientTransport({ command: file, args }))
  return assistant
}

/** The list follows the mesh: a machine that has just started is in it a moment later. */
async function untilListed(assistant: Client, wanted: readonly string[]): Promise<void> {
  for (;;) {
    const listed = (await assistant.listTools()).tools.map(({ name }) => name)
    if (wanted.every(name => listed.includes(name))) return
  }
}

/** @returns what the tool said, on the machine that has it */
async function ask(assistant: Client, name: string, args: Record<string, string> = {}): Promise<string> {
  const { structuredContent, isError } = await assistant.callTool({ name, arguments: args })
  assert.ok(isError !== true, JSON.stringify(structuredContent))
  const { member, value } = structuredContent as { member: string; value: { content: { text: string }[] } }
  return `${member} says ${value.content[0]?.text}`
}

const questions: Record<string, [tool: string, args?: Record<string, string>]> = {
  kitchen: ['mcp_kitchen__stock', { of: 'flour' }],
  garden: ['mcp_garden__ripe'],
  calendar: ['mcp_calendar__guests', { on: 'friday' }],
}
const answers = ['kitchen says 800', 'garden says tomatoes, basil', 'calendar says Ada, Grace']

try {
  const machines = Object.keys(questions)
  await Promise.all(machines.map(startMachine))
  for (const name of machines) {
    const assistant = await startAssistant(name)
    const others = machines.filter(other => other !== name)
    await untilListed(
      assistant,
      others.map(other => questions[other]![0]),
    )
    for (const other of others) {
      const said = await ask(assistant, ...questions[other]!)
      assert.ok(answers.includes(said), said)
      console.log(`the assistant of ${name} asks ${other}: ${said}`)
    }
  }
  console.log('each assistant has used the tools of the other two')
} finally {
  await Promise.all(assistants.map(assistant => assistant.close()))
  const ended = agents.map(agent => (agent.exitCode === null ? once(agent, 'exit') : undefined))
  for (const agent of agents) agent.kill()
  await Promise.all(ended)
  await rm(folder, { recursive: true, force: true })
}
