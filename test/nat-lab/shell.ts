/** Runs the system's own tools: ip, nft, tc. The one file that knows how. */
import { spawn } from 'node:child_process'

/** Called with every script before it runs. */
export type Trace = (script: string) => void

let trace: Trace = () => {}

/** Shows what runs from now on. */
export function traceShell(told: Trace): void {
  trace = told
}

/** Runs a script of the shell to its end and resolves with its stdout. @throws Error with the script and what it said */
export function shell(script: string): Promise<string> {
  trace(script)
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-eu'], { stdio: ['pipe', 'pipe', 'pipe'] })
    let [said, complained] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (complained += chunk.toString()))
    child.on('error', reject)
    child.on('close', code =>
      code === 0
        ? resolve(said)
        : reject(new Error(`Cannot run: ${complained.trim() || `exit ${String(code)}`}\n${script}`)),
    )
    child.stdin.end(script)
  })
}

/** `ip netns exec` before a command: for hints and for processes. */
export const inside = (namespace: string, command: readonly string[]): string[] => [
  'ip',
  'netns',
  'exec',
  namespace,
  ...command,
]
