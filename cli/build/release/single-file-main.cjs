/**
 * What the single file runs first, inside Node's program: it unpacks the command, once for each build, and starts its launcher.
 * The modules of Node's single executables must be in one CommonJS file; the command is many ES modules and a native part.
 */
const { Buffer } = require('node:buffer')
const { randomUUID } = require('node:crypto')
const {
  constants: { USE_MAIN_CONTEXT_DEFAULT_LOADER },
  compileFunction,
} = require('node:vm')
const fs = require('node:fs')
const { homedir, tmpdir } = require('node:os')
const { dirname, join } = require('node:path')
const process = require('node:process')
const { getAsset, getRawAsset } = require('node:sea')
const { pathToFileURL } = require('node:url')
const { brotliDecompressSync } = require('node:zlib')

const { id, files } = JSON.parse(getAsset('list', 'utf8'))

start()

function start() {
  const root = unpacked()
  const launcher = join(root, 'bin', 'agent-mesh.js')
  // A function made so imports files; `import()` of this script finds Node's own modules only.
  const load = compileFunction('return import(url)', ['url'], {
    importModuleDynamically: USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  load(pathToFileURL(launcher).href).catch(error => {
    process.stderr.write(`Cannot start agent-mesh: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  })
}

/** The folder with the files of this build. */
function unpacked() {
  for (const cache of cacheFolders()) {
    const root = join(cache, 'agent-mesh', `program-${id}`)
    try {
      if (!isOwn(root)) unpackInto(root)
      if (isOwn(root)) return root
    } catch {
      // Read-only, full or another's: the next one.
    }
  }
  const root = fs.mkdtempSync(join(tmpdir(), 'agent-mesh-'))
  process.on('exit', () => fs.rmSync(root, { recursive: true, force: true }))
  for (const name of files) unpackFile(root, name)
  return root
}

/**
 * Code in them will run as this user. So root takes none that another user could have written: with sudo, HOME may be that of the
 * user who called it.
 */
function cacheFolders() {
  const { CACHE_DIRECTORY: service, XDG_CACHE_HOME: named } = process.env
  if (process.getuid?.() === 0) {
    // For the compiled code that the launcher keeps as well.
    process.env.XDG_CACHE_HOME = service || '/var/cache'
    return [process.env.XDG_CACHE_HOME]
  }
  try {
    return [service, named, join(homedir(), '.cache')].filter(Boolean)
  } catch {
    // A user without an entry in the user database.
    return [service, named].filter(Boolean)
  }
}

function isOwn(folder) {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false })
  if (!stat?.isDirectory()) return false
  return process.platform === 'win32' || (stat.uid === process.getuid() && (stat.mode & 0o022) === 0)
}

/** Another process may do the same: the folder appears whole, and the first one stays. */
function unpackInto(root) {
  fs.mkdirSync(dirname(root), { recursive: true, mode: 0o700 })
  const work = `${root}.${randomUUID()}`
  try {
    for (const name of files) unpackFile(work, name)
    fs.renameSync(work, root)
  } finally {
    fs.rmSync(work, { recursive: true, force: true })
  }
}

function unpackFile(root, name) {
  const file = join(root, name)
  fs.mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  fs.writeFileSync(file, brotliDecompressSync(Buffer.from(getRawAsset(name))), { mode: 0o600 })
}
