/** The scripts in the shells themselves, asking the command about a running agent. */
import type { LocalPeer } from '@agent-mesh/protocol/local-api'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import type { LocalDaemon } from '../local/local-daemon.ts'
import { serveLocal, type LocalServer } from '../local/local-server.ts'
import { shellScripts, type Shell } from './shell-scripts.ts'

const run = promisify(execFile)
const launcher = join(import.meta.dirname, '..', '..', 'bin', 'agent-mesh.js')
const peer = (name: string): LocalPeer => ({
  peerId: `12D3KooW${name}`,
  name,
  kind: 'agent',
  online: true,
  source: 'link',
  services: [],
})
const agent: Partial<LocalDaemon> = { peers: () => [peer('web-1'), peer('web-2'), peer('db-1')] }

let folder = ''
let server: LocalServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'completion-'))
  await symlink(launcher, join(folder, 'agent-mesh'))
  await Promise.all(
    Object.entries(shellScripts).map(([shell, { text }]) => writeFile(join(folder, `script.${shell}`), text)),
  )
  server = await serveLocal(folder, agent as LocalDaemon)
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** How each shell completes the line `$1` with the script `$2`, and prints the result. */
const drivers: Record<Shell, readonly string[]> = {
  bash: [
    '--norc',
    '-uc',
    `source "$2"; COMP_LINE=$1 COMP_POINT=\${#1}; _agent_mesh agent-mesh; printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
  ],
  zsh: [
    '-fc',
    `zmodload zsh/zpty; zpty shell zsh -f -i
     until_shown() {
       local seen= piece; local -i tries=0
       while [[ $seen != *$~1* ]] && (( tries++ < 400 )); do
         if zpty -r -t shell piece; then seen+=$piece; else sleep 0.05; fi
       done
       print -r -- "$seen"
     }
     zpty -w shell "PS1=; autoload -Uz compinit; compinit -u -D; source $2; print rea'dy'"
     until_shown 'ready*' >/dev/null
     zpty -w -n shell "$1"$'\\t'
     until_shown "$3"
     zpty -d shell`,
    'zsh',
  ],
  fish: ['--no-config', '-c', 'source $argv[2]; complete -C "$argv[1]"'],
}

/** @param shown what zsh, which never ends by itself, is waited for */
async function pressTab(shell: Shell, line: string, shown: string): Promise<string> {
  const path = [folder, dirname(process.execPath), process.env['PATH']].join(delimiter)
  const args = [...drivers[shell], line, join(folder, `script.${shell}`), `*${shown}*`]
  const env = { PATH: path, HOME: folder, TERM: 'dumb' }
  return (await run(shell, args, { env, cwd: folder, timeout: 60_000 })).stdout
}

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  const missing = spawnSync(shell, ['--version']).error !== undefined
  if (missing) {
    const reason = `Completion is not tested in ${shell}: it is not installed.`
    if (process.env['CI'] === 'true') throw new Error(reason)
    console.warn(reason)
  }
  const cases = [
    ['a command', () => 'agent-mesh netc', 'netcheck'],
    ['the value of an option', () => 'agent-mesh up --paths=rel', '--paths=relay'],
    ['a member of the running agent', () => `agent-mesh --data ${folder} ping db`, 'db-1'],
    ['a file', () => 'agent-mesh policy set script.fi', 'script.fish'],
  ] as const
  test.skipIf(missing).each(cases)(`${shell} completes %s`, async (_, line, expected) => {
    // Bash has split the line at = already, and takes what follows it.
    const whole = shell === 'bash' ? expected.replace(/^.*=/, '') : expected
    // On a busy machine the agent may not answer in time: a person presses the key again.
    const pressed = async () => expect(await pressTab(shell, line(), expected)).toContain(whole)
    await vi.waitFor(pressed, { timeout: 80_000 })
  })
}
