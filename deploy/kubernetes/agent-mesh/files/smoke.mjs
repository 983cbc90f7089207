/**
 * What `helm test` runs: two agents join with the token, each relay is dialled, one calls the other through a relay, both leave. Settings:
 * AGENT_MESH_JOIN_FILE; SMOKE_FOLDER for their data; SMOKE_COMMAND, the file of the command. Ends with 1 and what failed.
 */
import { execFile, spawn } from 'node:child_process'
import console from 'node:console'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

const folder = process.env.SMOKE_FOLDER ?? '/data'
const command = process.env.SMOKE_COMMAND ?? '/app/bin/agent-mesh.js'
const names = ['caller', 'callee'].map(role => `smoke-${role}-${process.pid}-${Date.now() % 100_000}`)
const agents = []

const dataOf = name => ['--data', join(folder, name), '--json']

/** @returns what the command prints, or throws what it says is wrong */
async function ask(name, ...args) {
  const run = promisify(execFile)(process.execPath, [command, ...args, ...dataOf(name)])
  const { stdout } = await run.catch(({ stdout, stderr, message }) => {
    throw new Error(`${args.join(' ')}: ${stdout || stderr || message}`)
  })
  return JSON.parse(stdout.trimEnd().split('\n').at(-1))
}

function check(fact, what) {
  if (!fact) throw new Error(what)
  console.log(`ok: ${what}`)
}

/** Paths over relays alone, as of a machine that cannot be reached. */
function start(name) {
  const args = ['up', '--name', name, '--no-listen', '--no-mdns', '--paths', 'relay', ...dataOf(name)]
  agents.push(spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'ignore', 'inherit'] }))
}

async function smoke() {
  const [caller, callee] = names
  for (const name of names) start(name)
  for (const name of names) {
    const { ready } = await ask(name, 'status', '--wait', '120s')
    check(ready, `${name} has joined and is ready`)
  }
  const { controlPlane, relays } = await ask(caller, 'netcheck')
  check(controlPlane.ok, `${controlPlane.url} answers`)
  check(relays.length > 0, `the mesh has relays: ${relays.length}`)
  for (const { name, addrs } of relays)
    for (const { addr, ok, error } of addrs)
      check(ok, `${name} answers at ${addr}${ok ? '' : `: ${error ?? 'no reason known'}`}`)
  const { path } = await ask(caller, 'ping', callee, '--count', '3', '--timeout', '30s')
  check(path === 'relay', `${caller} calls ${callee} over a path of the kind "relay": ${path}`)
}

async function leave() {
  for (const agent of agents) if (agent.exitCode === null && agent.kill('SIGTERM')) await once(agent, 'exit')
  for (const name of names) {
    await ask(name, 'leave', '--yes')
    console.log(`ok: ${name} has left`)
  }
}

try {
  await smoke()
  await leave()
} catch (error) {
  console.error(`failed: ${error.message}`)
  for (const agent of agents) agent.kill('SIGKILL')
  process.exitCode = 1
}
