#!/usr/bin/env node
// Plain JavaScript on purpose: it runs on whatever Node the machine has, and finds Node 24 if that one is older.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import v8 from 'node:v8'

// Without a listener Node opens its debugger on port 9229 at this signal: whoever reaches that runs code as this user.
process.on('SIGUSR1', () => {})

/** Found beside the command it is preferred; an older one does from `oldest` on. */
const wanted = 24
const oldest = [22, 15]
const howToInstall = `Install Node ${wanted} (https://nodejs.org), or run npm ci in the checkout: it brings Node ${wanted} with it.`
const self = realpathSync(fileURLToPath(import.meta.url))

const major = Number.parseInt(process.versions.node, 10)
const node = major >= wanted ? undefined : findNode()
await (node === undefined ? runCommand() : runWithNode(node))

/** The bundle of a build or of the published package, else the source of the checkout. */
async function runCommand() {
  endWithLauncher()
  optimizeLater()
  if (major < wanted) hideSqliteWarning()
  const root = dirname(dirname(self))
  const candidates = ['dist/bundle/main.js', 'bundle/main.js', 'src/main.ts'].map(path => join(root, path))
  const entry = candidates.find(path => existsSync(path))
  if (entry === undefined) fail(`Cannot start agent-mesh: none of ${candidates.join(', ')} exists`)
  findChunks(pathToFileURL(dirname(entry)).href)
  // Below the user's own cache, not in the shared temporary folder: this cache holds code that will run.
  const cache = cacheFolder()
  if (cache) module.enableCompileCache(join(cache, 'agent-mesh', 'compiled'))
  await import(pathToFileURL(entry).href)
}

/**
 * Starting and joining make some functions just hot enough for V8's last optimizing compiler, whose code then takes 5 MB of an
 * agent that rests. Ten times the default count of calls passes within a second under load. Before the compile cache is
 * opened, which is kept by the flags of V8. Another Node may not know the flag.
 */
function optimizeLater() {
  if (major === wanted) v8.setFlagsFromString('--invocation-count-for-turbofan=30000')
}

/**
 * Modules of a bundle import each other, a few hundred times, from their own folder. Where Node looks for each of them anew, V8's
 * last compiler takes up the function that it normalizes paths with, on a long path at each start.
 */
function findChunks(folder) {
  module.registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith('./chunk-') && context.parentURL?.startsWith(`${folder}/`)
        ? { url: `${folder}/${specifier.slice(2)}`, format: 'module', shortCircuit: true }
        : next(specifier, context),
  })
}

/** Before Node 24 SQLite is called experimental at each start; what the command uses of it is the same. */
function hideSqliteWarning() {
  const { emitWarning } = process
  process.emitWarning = (warning, ...rest) =>
    rest[0] === 'ExperimentalWarning' && String(warning).startsWith('SQLite')
      ? undefined
      : emitWarning.call(process, warning, ...rest)
}

/** A user without an entry in the user database has none: then nothing is cached. */
function cacheFolder() {
  if (process.env.XDG_CACHE_HOME) return process.env.XDG_CACHE_HOME
  try {
    return join(homedir(), '.cache')
  } catch {
    return undefined
  }
}

/** A launcher that is killed outright closes its channel: the command it started ends too. */
function endWithLauncher() {
  if (!process.channel) return
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}

/** Undefined: this one does. Beside this package alone: what lies below the current directory may be another's, and would run as this user. */
function findNode() {
  for (let folder = dirname(self); ; folder = dirname(folder)) {
    const node = join(folder, 'node_modules', '.bin', 'node')
    if (existsSync(node)) return node
    if (folder === dirname(folder)) break
  }
  const minor = Number(process.versions.node.split('.')[1])
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return undefined
  fail(
    `Cannot start agent-mesh: it needs Node ${oldest.join('.')} or newer, this is ${process.version}, and no node_modules/.bin/node was found`,
    howToInstall,
  )
}

/** Runs this file again with `node`; signals and the way it ended pass through. */
function runWithNode(node) {
  // The node that was found is too old as well: another round would find it again.
  if (process.env.AGENT_MESH_LAUNCHER === String(process.ppid))
    fail(`Cannot start agent-mesh: ${process.execPath} is ${process.version}`, howToInstall)
  const child = spawn(node, [...process.execArgv, self, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, AGENT_MESH_LAUNCHER: String(process.pid) },
  })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, () => child.kill(signal))
  child.on('error', error => fail(`Cannot start ${node}: ${error.message}`))
  child.on('exit', (code, signal) => {
    for (const name of signals) process.removeAllListeners(name)
    if (signal) process.kill(process.pid, signal)
    else process.exit(code ?? 1)
  })
}

function fail(message, hint) {
  process.stderr.write(`${message}\n${hint ? `${hint}\n` : ''}`)
  process.exit(1)
}
