/** Deployments to Kubernetes over programs of the test in place of helm and kubectl: they record how they are called. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commands } from '../commands.ts'
import { deploy, outcomes, type Outcome } from '../deployment.ts'
import { History } from '../history.ts'
import { KubernetesTarget } from './kubernetes-target.ts'

let folder: string
let target: KubernetesTarget
/** How long each command may take to end at Ctrl-C, ms. */
const graces = new Map<string, number | undefined>()

/** The release has the image that ends with what is in `helm.image`. Pods of `broken` do not become ready, and Helm goes back. */
const helm = `
case $1 in
version) cat "$0.version" ;;
upgrade)
  case "$*" in *image.tag=broken,*) echo 'context deadline exceeded' >&2; exit 1 ;; esac
  printf '%s\\n' "$*" | sed 's/.*image.tag=\\([^,]*\\),.*/:\\1/; s/.*image.digest=\\([^ ]*\\).*/@\\1/' >"$0.image" ;;
uninstall) rm -f "$0.image" ;;
test) if [ "$(cat "$0.image")" = :unreachable ]; then echo 'Cannot reach relay-0' >&2; exit 1; fi ;;
esac
`
const kubectl = `
case $1 in get)
  [ -f "\${0%kubectl}helm.image" ] || { echo '{"items":[]}'; exit 0; }
  image=$(cat "\${0%kubectl}helm.image")
  item() { printf '{"metadata":{"labels":{"app.kubernetes.io/component":"%s"}},"spec":{"template":{"spec":{"containers":[{"image":"registry:5000/agent-mesh%s"}]}}}}' "$1" "$image"; }
  printf '{"items":[%s,%s,%s]}' "$(item control-plane)" "$(item relay)" "$(item agent)"
esac
`

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubernetes-target-'))
  for (const [name, script] of Object.entries({ helm, kubectl })) {
    const record = `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>"\${0%${name}}record"\n`
    await writeFile(join(folder, name), record + script)
    await chmod(join(folder, name), 0o755)
  }
  await version('v4.1.0')
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
  const { run } = commands({ env, began: () => () => {} })
  target = new KubernetesTarget({
    commands: {
      run: (command, options) => {
        graces.set(command.slice(0, 2).join(' '), options.graceMs)
        return run(command, options)
      },
    },
    ...{ release: 'mesh', namespace: 'prod', chart: 'chart', valuesFile: 'mesh.yaml', healthyMs: 600_000 },
  })
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const version = (text: string) => writeFile(join(folder, 'helm.version'), `${text}\n`)

/** What changed something, or tested it, since the last look. */
async function changes(): Promise<string[]> {
  const lines = (await readFile(join(folder, 'record'), 'utf8')).trimEnd().split('\n')
  await rm(join(folder, 'record'))
  return lines.filter(line => /^helm (upgrade|uninstall|test)/.test(line))
}

const { signal } = new AbortController()
const said: string[] = []

async function run(tag: string): Promise<Outcome> {
  const history = await History.read(join(folder, 'mesh.jsonl'))
  const init = { target, history, kind: 'kubernetes', signal, dryRun: false, migrate: false } as const
  return deploy({ ...init, say: line => void said.push(line) }, { version: tag })
}

const upgradeTo = (image: string, goesBack = '--rollback-on-failure') =>
  `helm upgrade --install mesh chart --namespace prod --values mesh.yaml --set-string ${image} --wait --timeout 600s ${goesBack}`
const upgrade = (tag: string, goesBack?: string) => upgradeTo(`image.tag=${tag},image.digest=`, goesBack)
const smoke = 'helm test mesh --namespace prod --timeout 6m --logs'

test('installs a release, and upgrades it with all its values and the tag, then tests it', async () => {
  expect(await run('1')).toBe(outcomes.done)
  expect(await changes()).toEqual([upgrade('1'), smoke])
  expect(await run('2')).toBe(outcomes.done)
  expect(await changes()).toEqual([upgrade('2'), smoke])
  expect([await run('2'), await changes()]).toEqual([outcomes.done, []])
})

test('tests the release that Helm went back to when pods do not become ready', async () => {
  await run('1')
  await changes()
  expect(await run('broken')).toBe(outcomes.rolledBack)
  expect(await changes()).toEqual([upgrade('broken'), smoke])
  expect(said).toContainEqual(expect.stringContaining('context deadline exceeded'))
})

test('goes back by an upgrade when the smoke test fails', async () => {
  await run('1')
  await changes()
  expect(await run('unreachable')).toBe(outcomes.rolledBack)
  expect(await changes()).toEqual([upgrade('unreachable'), smoke, upgrade('1'), smoke])
})

test('goes back to an image that was given by its digest, and says that a tag takes its place', async () => {
  const digest = `sha256:${'a1'.repeat(32)}`
  await writeFile(join(folder, 'helm.image'), `@${digest}`)
  expect(await run('unreachable')).toBe(outcomes.rolledBack)
  const back = upgradeTo(`image.digest=${digest}`)
  expect(await changes()).toEqual([upgrade('unreachable'), smoke, back, smoke])
  expect(said).toContain(
    `plan: the tag unreachable takes the place of image.digest, ${digest}: a tag may be moved`,
  )
})

test('removes a first release that does not work', async () => {
  expect(await run('unreachable')).toBe(outcomes.rolledBack)
  expect((await changes()).at(-1)).toBe('helm uninstall mesh --namespace prod --ignore-not-found --wait')
})

test('leaves Helm the time to go back at Ctrl-C', async () => {
  await run('1')
  expect(graces.get('helm upgrade')).toBe(1_230_000)
  expect(graces.get('helm test')).toBeUndefined()
})

test('names the option as Helm 3 does', async () => {
  await version('v3.19.2+g8766e71')
  await run('1')
  expect(await changes()).toContain(upgrade('1', '--atomic'))
})

test('deploys an image by its digest', async () => {
  const digest = `sha256:${'b2'.repeat(32)}`
  expect(await run(digest)).toBe(outcomes.done)
  expect(await changes()).toEqual([upgradeTo(`image.digest=${digest}`), smoke])
})

test('refuses a tag that is moved', async () => {
  await expect(run('latest')).rejects.toThrow('Cannot deploy latest')
})
