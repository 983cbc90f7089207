/** The command line of `deploy.sh`: what it takes, and what it refuses before anything is changed. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseArguments, usage } from './arguments.ts'

test('takes an action and its options', () => {
  expect(parseArguments(['docker', '--env', 'staging', '--version', '1.2.3', '--dry-run'])).toMatchObject({
    action: 'docker',
    env: 'staging',
    version: '1.2.3',
    dryRun: true,
    healthyMs: 120_000,
    waitMs: 0,
  })
  const digest = `sha256:${'0f'.repeat(32)}`
  expect(parseArguments(['docker', '--version', digest, '--wait', '600'])).toMatchObject({
    version: digest,
    waitMs: 600_000,
  })
  expect(parseArguments(['rollback', '--to', '3'])).toMatchObject({ action: 'rollback', to: 3 })
  expect(parseArguments(['status', '--env', 'staging', '--json'])).toMatchObject({ json: true })
  expect(parseArguments(['--help'])).toBeUndefined()
  expect(parseArguments(['docker', '-h'])).toBeUndefined()
})

test.each([
  [['nomad'], 'the action is "nomad", not one of docker, systemd, kubernetes, rollback, status, history'],
  [[], 'the action is ""'],
  [['docker', '--env', '../etc'], '--env is "../etc"'],
  [['docker', '--version', 'a b'], '--version is "a b"'],
  [['docker', '--version', 'sha256:0f'], 'or a digest: "sha256:" and 64 of 0-9 and a-f'],
  [['docker', '--env', `sha256:${'0f'.repeat(32)}`], '--env is "sha256:'],
  [['docker', '--wait', '0'], '--wait is "0", not a whole number'],
  [['rollback', '--to', '-1'], "'--to' argument is ambiguous"],
  [['rollback', '--to', '0'], '--to is "0", not a whole number'],
  [['rollback', '--version', '1.2.3'], 'rollback takes no --version'],
  [['docker', '--to', '3'], 'docker takes no --to'],
  [['kubernetes', '--json'], 'kubernetes takes no --json'],
  [['status', '--dry-run'], 'status takes no --dry-run'],
  [['history', '--wait', '5'], 'history takes no --wait'],
  [['docker', '--force'], "Unknown option '--force'"],
])('refuses %j', (args, why) => {
  expect(() => parseArguments(args)).toThrow(why)
})

const script = join(import.meta.dirname, '..', 'deploy.sh')

test('deploy.sh prints the usage, and refuses what was never deployed with exit 3', () => {
  const releases = mkdtempSync(join(tmpdir(), 'releases-'))
  const run = (...args: string[]) =>
    spawnSync(script, args, { encoding: 'utf8', env: { ...process.env, AGENT_MESH_RELEASES: releases } })
  try {
    const help = run('--help')
    expect([help.status, help.stdout, help.stderr]).toEqual([0, `${usage}\n`, ''])
    for (const action of ['rollback', 'status', 'history']) {
      const refused = run(action, '--env', 'nowhere')
      expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining('it was never deployed')])
    }
  } finally {
    rmSync(releases, { recursive: true })
  }
})
